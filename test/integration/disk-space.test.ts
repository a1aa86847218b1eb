import { copyFile, mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { createUploadDesk } from '../../src/desk/uploads.ts';
import type { OfferedBytes } from '../../src/engine/bytes.ts';
import { diskFull } from '../../src/lib/disk.ts';
import { bytesAt, missingUploadBytes } from '../../src/lib/upload-bytes.ts';
import { startTus } from '../../src/processes/tus.ts';
import { createFetchTask } from '../../src/tasks/fetch.ts';
import { createSpool } from '../../src/tasks/support/spool.ts';
import { createTusServer } from '../../src/tus/tus-server.ts';
import { openHouse, SAMPLE } from '../support/house.ts';
import { LONE_STEP } from '../support/lone-step.ts';
import { NO_INPUTS } from '../support/no-inputs.ts';
import { openSweepWorld, type SweepWorld } from '../support/sweep-world.ts';
import {
  createUpload,
  idOf,
  metadataHeader,
  patch,
  problemIn,
  stockUpload,
  tusRequest,
} from '../support/tus-client.ts';
import { UNGUARDED } from '../support/tus-world.ts';

let world: SweepWorld;
beforeEach(async () => {
  world = await openSweepWorld();
});
afterEach(() => world.close());

/** A disk of so many bytes on which only uploads lie. */
function diskOf(bytes: number) {
  const { uploads, incoming } = world.paths;
  return {
    async usableBytes() {
      return bytes - (await bytesOfData(uploads)) - (await bytesOfData(incoming));
    },
  };
}

/** Without sidecars and notes, whose length the tests do not care for. */
async function bytesOfData(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.json') && !name.endsWith('.tmp')) bytes += await bytesAt(join(folder, name));
  }
  return bytes;
}

interface Started {
  readonly url: string;
  stop(): Promise<void>;
}

const started: Started[] = [];
afterEach(async () => {
  for (const each of started.splice(0)) await each.stop();
});

async function startTusOn(
  disk: { usableBytes(): Promise<number> },
  promisedBytes: () => Promise<number> = async () => 0,
): Promise<string> {
  const tus = createTusServer({
    ...UNGUARDED,
    directory: world.paths.uploads,
    incomingDirectory: world.paths.incoming,
    maxBytes: 1_000_000,
    disk,
    promisedBytes,
    expiresAfterMs: 3_600_000,
    idleTimeoutMs: 30_000,
    desk: createUploadDesk(world.ledger),
    handOff: { add: () => {} },
    log: world.log,
  });
  const { port } = await tus.start({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${port}/tusupload`;
  started.push({ url, stop: () => tus.stop(5000) });
  return url;
}

function post(url: string, bytes: number, aceId = `lesson-${Math.random()}`) {
  const headers = { 'upload-length': String(bytes), 'upload-metadata': metadataHeader({ ace_id: aceId }) };
  return tusRequest(url, { method: 'POST', headers });
}

describe('an upload that would not fit', () => {
  it('is refused with 507 and words that help, and leaves nothing (C20)', async () => {
    const url = await startTusOn(diskOf(1000));

    const answer = await post(url, 1001);

    expect(answer.status).toBe(507);
    expect(problemIn(answer)).toMatchObject({
      code: 'UPLOAD_NO_SPACE',
      advice: expect.stringMatching(/^Try again later/),
    });
    expect(answer.headers.location).toBeUndefined();
    expect(await bytesAt(world.paths.uploads)).toBe(0);
    expect(world.logLines.find(({ event }) => event === 'upload.no-space')).toMatchObject({
      level: 40,
      bytes: 1001,
      promised: 0,
      usable: 1000,
    });
  });

  it('is refused too when its first bytes come with its creation', async () => {
    const url = await startTusOn(diskOf(1000));

    const answer = await tusRequest(url, {
      method: 'POST',
      headers: {
        'upload-length': '1001',
        'upload-metadata': metadataHeader({ ace_id: 'lesson-1' }),
        'content-type': 'application/offset+octet-stream',
      },
      body: Buffer.alloc(500),
    });

    expect(answer.status).toBe(507);
    expect(await bytesAt(world.paths.uploads)).toBe(0);
  });

  it('is one of several that each fit and together do not: the one too many (C20)', async () => {
    const url = await startTusOn(diskOf(1000));

    const statuses = [];
    for (let count = 0; count < 3; count += 1) statuses.push((await post(url, 400)).status);

    expect(statuses).toEqual([201, 201, 507]);
  });

  it('is refused as well among many that are begun at the same moment (C20)', async () => {
    const url = await startTusOn(diskOf(1000));

    const answers = await Promise.all(Array.from({ length: 20 }, () => post(url, 300)));

    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(3).fill(201), ...Array(17).fill(507)]);
    expect(await missingUploadBytes(world.paths.uploads)).toBe(900);
  });

  it('counts of the uploads under way what they still lack, and not twice what has arrived', async () => {
    const url = await startTusOn(diskOf(1000));
    const under = await createUpload(url, 600);
    await patch(under, 0, Buffer.alloc(500));

    expect((await post(url, 401)).status).toBe(507);
    expect((await post(url, 400)).status).toBe(201);
  });

  it('counts a finished upload by its bytes alone', async () => {
    const url = await startTusOn(diskOf(1000));
    const finished = await createUpload(url, 600);
    await patch(finished, 0, Buffer.alloc(600));

    expect((await post(url, 401)).status).toBe(507);
    expect((await post(url, 400)).status).toBe(201);
  });

  it('is welcome once another one is taken back', async () => {
    const url = await startTusOn(diskOf(1000));
    const first = await createUpload(url, 800);
    expect((await post(url, 800)).status).toBe(507);

    await tusRequest(first, { method: 'DELETE' });

    expect((await post(url, 800)).status).toBe(201);
  });

  it('is welcome once another one has rested for a day, for which no room is kept then', async () => {
    const url = await startTusOn(diskOf(1000));
    const resting = await createUpload(url, 800);
    const dayAgo = new Date(Date.now() - 24 * 3_600_000 - 1000);
    await utimes(world.paths.data(idOf(resting)), dayAgo, dayAgo);

    expect((await post(url, 800)).status).toBe(201);
  });

  it('does not hold up the others when the disk cannot be asked for a moment', async () => {
    let isBroken = true;
    const url = await startTusOn({
      usableBytes: () => (isBroken ? Promise.reject(new Error('EIO')) : Promise.resolve(1000)),
    });

    expect((await post(url, 10)).status).toBe(500);
    isBroken = false;
    expect((await post(url, 10)).status).toBe(201);
  });

  it('waits with a stock client until there is room', async () => {
    let usable = 0;
    const url = await startTusOn({ usableBytes: async () => usable });
    const { done } = stockUpload(Buffer.alloc(500), {
      endpoint: url,
      metadata: { ace_id: 'lesson-1' },
      retryDelays: [10, 20, 50, 100, 200, 400],
    });
    await expect
      .poll(() => world.logLines.filter(({ event }) => event === 'upload.no-space').length)
      .toBeGreaterThan(1);

    usable = 1000;

    await expect(done).resolves.toBeUndefined();
  });

  it('counts what is promised to downloads', async () => {
    const url = await startTusOn(diskOf(1000), async () => 700);

    expect((await post(url, 301)).status).toBe(507);
    expect((await post(url, 300)).status).toBe(201);
  });
});

describe('the tus process', () => {
  async function start(more: Readonly<Record<string, string>> = {}): Promise<string> {
    const env = { ...world.simulators.environment, DATA_DIR: world.config.dataDir, ...more };
    const config = loadConfig({ ...env, UPLOAD_MAX_BYTES: String(PETABYTE) });
    const tus = await startTus({ ...config, tus: { ...config.tus, port: 0 } }, pino({ level: 'silent' }));
    const url = `http://127.0.0.1:${tus.port}/tusupload`;
    started.push({ url, stop: () => tus.stop() });
    return url;
  }

  const PETABYTE = 1e15;

  it('measures the disk of DATA_DIR', async () => {
    const url = await start({ DISK_RESERVE_BYTES: '0' });

    expect((await post(url, PETABYTE)).status).toBe(507);
    expect((await post(url, 1)).status).toBe(201);
  });

  it('leaves DISK_RESERVE_BYTES free', async () => {
    const url = await start({ DISK_RESERVE_BYTES: String(PETABYTE) });

    expect((await post(url, 1)).status).toBe(507);
  });

  it('leaves room for the download that has begun, less what of it is on the disk', async () => {
    const url = await start({ DISK_RESERVE_BYTES: '0' });
    const checkpoints = { fetch: { validator: null, totalBytes: PETABYTE, contentId: 'x' } };
    const id = await world.recording('zoom', 'moving', { checkpoints });
    expect((await post(url, 1)).status).toBe(507);
    expect(await world.ledger.claims.openDownloads()).toEqual([{ recordingId: id, totalBytes: PETABYTE }]);

    await world.bring(id, 'failed');
    expect((await post(url, 1)).status).toBe(201);
  });
});

describe('what the uploads in a folder still have to receive', () => {
  const uploads = () => world.paths.uploads;

  it('is nothing where there is no folder, and nothing for what is no upload', async () => {
    expect(await missingUploadBytes(join(uploads(), 'none'))).toBe(0);

    await writeFile(join(uploads(), 'a'), 'no sidecar');
    await writeFile(join(uploads(), 'b.json'), '{"id":"b","size":500}');
    await writeFile(join(uploads(), 'c'), '12');
    await writeFile(join(uploads(), 'c.json'), 'not JSON');
    await writeFile(join(uploads(), 'd'), '12');
    await writeFile(join(uploads(), 'd.json'), 'null');

    expect(await missingUploadBytes(uploads())).toBe(0);
  });

  it('is the sum of what each lacks', async () => {
    await writeFile(join(uploads(), 'a'), '1234');
    await writeFile(join(uploads(), 'a.json'), '{"id":"a","size":10}');
    await writeFile(join(uploads(), 'b'), '');
    await writeFile(join(uploads(), 'b.json'), '{"id":"b","size":20}');

    expect(await missingUploadBytes(uploads())).toBe(26);
  });
});

describe('the download of a recording', () => {
  it('waits without losing an attempt while uploads under way are promised the room, and holds nobody up', async () => {
    const house = await openHouse();
    try {
      const uploads = join(house.config.dataDir, 'uploads');
      await mkdir(uploads, { recursive: true });
      await writeFile(join(uploads, 'a'), '');
      await writeFile(join(uploads, 'a.json'), JSON.stringify({ id: 'a', size: 1e15 }));
      const zoom = await house.addZoom('Waits');
      const custom = await house.addCustom('Needs no room');
      await house.startWorker();
      await house.reaches(custom.id, 'done');

      const waiting = await house.recordings.get(zoom.id);
      expect(waiting).toMatchObject({
        state: 'waiting',
        failedAttempts: 0,
        lastError: { code: 'DISK_FULL' },
      });

      await rm(join(uploads, 'a'));
      const again = await house.addZoom('Has room');
      await house.reaches(again.id, 'done');
    } finally {
      await house.close();
    }
  });

  it('that is on the disk already finishes on a full one, so that its room can be given back', async () => {
    const id = await world.recording('zoom', 'waiting');
    const recording = await world.ledger.recordings.get(id);
    if (recording === undefined) throw new Error('no recording');
    const spool = createSpool(join(world.config.dataDir, 'spool'));
    await copyFile(SAMPLE, await spool.pathFor(id));
    const totalBytes = await bytesAt(SAMPLE);
    const nothing = {
      startByte: totalBytes,
      totalBytes,
      isEndMarked: true,
      validator: null,
      dismiss: () => {},
    };
    const full = { usableBytes: async () => -1, requireBytes: () => Promise.reject(diskFull(undefined)) };
    const task = createFetchTask({
      inputs: NO_INPUTS,
      stores: new Map(),
      recordings: { progress: () => Promise.reject(new Error('nothing is archived')) },
      zoom: {
        probe: async () => {},
        openDownload: async () => ({ ...nothing, chunks: noChunks() }),
        freshAddress: async () => undefined,
      },
      spool,
      disk: full,
    });

    let given: OfferedBytes | undefined;
    const fact = await task.run({
      recording,
      ...LONE_STEP,
      checkpoint: { validator: null, totalBytes, contentId: 'x' },
      saveCheckpoint: async () => {},
      note: async () => {},
      signal: new AbortController().signal,
      log: world.log,
      make: (_output, source) => {
        given = source;
      },
    });
    await given?.close();

    expect(fact).toMatchObject({ bytes: totalBytes, extension: 'mp4' });
  });
});

async function* noChunks(): AsyncGenerator<Buffer> {}
