import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createUploadToken } from '../../src/lib/upload-token.ts';
import { openWholeLedger, type WholeLedger } from '../../src/outside/whole-ledger.ts';
import { freePort } from '../support/free-port.ts';
import { SAMPLE } from '../support/house.ts';
import { createUpload, idOf, openPatch, stockUpload } from '../support/tus-client.ts';
import { type Pipeline, startPipeline } from '../support/tus-world.ts';
import { isWhole } from '../support/whole-tables.ts';

const MAIN = new URL('../../src/tus/main.ts', import.meta.url).pathname;

let dataDir: string;
let ledger: WholeLedger;
let pipeline: Pipeline;
let child: ChildProcess | undefined;
let port: number;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sluice-tus-process-'));
  ledger = await openWholeLedger({ address: join(dataDir, 'ledger.db'), leaseMs: 5000 });
  pipeline = await startPipeline(ledger);
  port = await freePort();
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await pipeline.stop();
  await ledger.close();
  await rm(dataDir, { recursive: true, force: true });
});

function spawnTus(env: Readonly<Record<string, string>>): ChildProcess {
  child = spawn(process.execPath, ['--import', 'tsx', MAIN], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  return child;
}

async function startTus(more: Readonly<Record<string, string>> = {}): Promise<ChildProcess> {
  const started = spawnTus({
    ...more,
    DATA_DIR: dataDir,
    TUS_PORT: String(port),
    PIPELINE_URL: pipeline.url,
    ZOOM_WEBHOOK_SECRET_TOKEN: 'x',
    B2_KEY_ID: 'x',
    B2_APPLICATION_KEY: 'x',
    BUNNY_LIBRARY_ID: '1',
    BUNNY_API_KEY: 'x',
    SITE_WEBHOOK_URL: 'http://127.0.0.1:1/hook',
    SITE_WEBHOOK_SECRET: `whsec_${randomBytes(24).toString('base64')}`,
  });
  const [message] = await once(started, 'message');
  expect(message).toBe('ready');
  return started;
}

describe('the tus process', () => {
  const SIGNALS = isWhole ? (['SIGKILL', 'SIGTERM', 'SIGINT'] as const) : (['SIGKILL', 'SIGTERM'] as const);

  it.each(SIGNALS)(
    'leaves an upload resumable when it ends by %s in the middle of it (R11)',
    async (signal) => {
      const content = Buffer.concat([await readFile(SAMPLE), randomBytes(2_000_000)]);
      const first = await startTus();
      const url = await createUpload(`http://127.0.0.1:${port}/tusupload`, content.length);
      const data = join(dataDir, 'uploads', idOf(url));
      const { request, ended } = openPatch(url, 0, content.length);
      request.write(content.subarray(0, 700_000));
      await expect.poll(async () => (await stat(data)).size).toBe(700_000);

      first.kill(signal);
      const [code] = await once(first, 'exit');
      await ended;
      await startTus();

      const offsets: string[] = [];
      await stockUpload(content, {
        uploadUrl: url,
        onBeforeRequest: (sent) => {
          if (sent.getMethod() === 'PATCH') offsets.push(sent.getHeader('Upload-Offset') ?? '');
        },
      }).done;
      expect(code).toBe(signal === 'SIGKILL' ? null : 0);
      expect(offsets).toEqual(['700000']);
      await expect.poll(() => pipeline.posts).toMatchObject([{ ace_id: 'lesson-1', size: content.length }]);
      expect(content.equals(await readFile(pipeline.posts[0]?.path ?? ''))).toBe(true);
    },
  );

  it('takes only audio and video, and with a secret only what the website has signed', async () => {
    const secret = randomBytes(32).toString('base64');
    await startTus({ UPLOAD_TOKEN_SECRET: secret });
    const endpoint = `http://127.0.0.1:${port}/tusupload`;
    const headers = {
      authorization: `Bearer ${await createUploadToken({ secret, aceId: 'a', expiresInS: 60 })}`,
    };
    const text = Buffer.from('this is a letter, not a film'.repeat(1000));

    const unsigned = stockUpload(await readFile(SAMPLE), { endpoint, metadata: { ace_id: 'a' } });
    const noMedia = stockUpload(text, { endpoint, headers });
    await expect(unsigned.done).rejects.toThrow(/UPLOAD_TOKEN_MISSING/);
    await expect(noMedia.done).rejects.toThrow(/NOT_MEDIA/);
    await stockUpload(await readFile(SAMPLE), { endpoint, headers }).done;

    await expect.poll(() => pipeline.posts).toMatchObject([{ ace_id: 'a' }]);
  });

  it('keeps what it stores to its own user', async () => {
    await startTus();

    const url = await createUpload(`http://127.0.0.1:${port}/tusupload`, 5);

    for (const name of [idOf(url), `${idOf(url)}.json`]) {
      expect((await stat(join(dataDir, 'uploads', name))).mode & 0o077).toBe(0);
    }
  });

  it('says which settings are missing, and does not start', async () => {
    const started = spawnTus({ DATA_DIR: dataDir });
    const told: Buffer[] = [];
    started.stderr?.on('data', (chunk: Buffer) => told.push(chunk));

    const [code] = await once(started, 'close');

    expect(code).toBe(1);
    expect(Buffer.concat(told).toString()).toContain('B2_KEY_ID: is required');
  });
});
