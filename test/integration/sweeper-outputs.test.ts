import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createOutputBroom } from '../../src/errands/sweep-outputs.ts';
import { openOutputPlaces } from '../../src/outside/output-places.ts';
import { openWholeLedger, type WholeLedger } from '../../src/outside/whole-ledger.ts';
import { createOutputLooker } from '../../src/tasks/support/late-outputs.ts';
import { fileRecording } from '../support/ledger.ts';

const { signal } = new AbortController();

/** What is looked at below a prefix needs none. */
const noScratch = {
  use: () => Promise.reject(new Error('nothing is written')),
};

let folder: string;
let ledger: WholeLedger;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-sweep-outputs-'));
  await mkdir(join(folder, 'out'));
  ledger = await openWholeLedger({ address: join(folder, 'ledger.db'), leaseMs: 60_000 });
});
afterEach(async () => {
  await ledger.close();
  await rm(folder, { recursive: true, force: true });
});

function openPlace() {
  const mediaOut = {
    kind: 'folder' as const,
    path: join(folder, 'out'),
    url: undefined,
    memoryPath: join(folder, 'media-out.json'),
    reserveBytes: 0,
  };
  const place = openOutputPlaces({ mediaOut }, { idleTimeoutMs: 30_000 }).get('media-out');
  if (place === undefined) throw new Error('no place');
  return place;
}

async function put(place: ReturnType<typeof openPlace>, key: string): Promise<void> {
  const path = join(folder, 'file');
  await writeFile(path, 'bytes');
  const mark = { recordingId: 'rec_1', step: 'poster', fence: 1 };
  await place.put({ key, path, mediaType: 'text/plain', mark, signal });
}

const keys = async () =>
  (await readdir(join(folder, 'out'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('.sluice'))
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, 'out').length + 1))
    .sort();

/** A recording whose step has put its output below `prefix`; done, unless it still moves. */
async function recording(key: string, facts: (id: string) => object, isDone = true): Promise<string> {
  const { id } = await ledger.recordings.accept(fileRecording(key));
  const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
  if (lease === undefined) throw new Error('the gate is taken');
  const kind = { task: 'thumbnail', isFinal: false, isAgain: false, movesBytes: false, isOutput: true };
  await ledger.moves.startAttempt(id, lease.fence);
  await ledger.moves.startStage(id, 'poster', lease.fence, kind);
  await ledger.moves.finishStage(id, 'poster', facts(id), lease.fence);
  if (isDone) await ledger.moves.finish(id, lease.fence);
  await lease.release();
  return id;
}

const named = (id: string) => ({ prefix: `runs/${id}/poster/7/` });

it('removes what attempts have put that no fact names, once their recording is over, and nothing else', async () => {
  const place = openPlace();
  const done = await recording('done', named);
  const moving = await recording('moving', named, false);
  const kept = [
    `runs/${done}/poster/7/poster.jpg`,
    `runs/${moving}/poster/6/poster.jpg`,
    'runs/rec_ffffffffffffffffffffffff/poster/1/poster.jpg',
    'somebody/elses.jpg',
  ];
  const gone = [`runs/${done}/poster/6/poster.jpg`, `runs/${done}/other/7/a.jpg`];
  for (const key of [...kept, ...gone]) await put(place, key);

  const terms = { afterMs: 0, failedKeepMs: 0, now: Date.now };
  const broom = createOutputBroom({ place, ledger, terms });
  for (const suspect of await broom.suspects(signal)) await (await suspect.inspect())?.remove();

  expect(await keys()).toEqual(kept.sort());
});

it('takes back what has come late below the prefix of an earlier attempt, and never what the fact names', async () => {
  const place = openPlace();
  const id = await recording('late', named);
  for (const fence of [6, 7]) await put(place, `runs/${id}/poster/${fence}/poster.jpg`);
  const looker = createOutputLooker({ place, scratch: noScratch });
  const look = async (prefix: string) => {
    const found = await ledger.recordings.get(id);
    const claim = async () => found && { recording: found, ...(await ledger.recordings.progress(id)) };
    return await looker.look({ recordingId: id, place: prefix, claim, signal });
  };

  expect(await look(`runs/${id}/poster/7/`)).toEqual([]);
  expect(await look(`runs/${id}/poster/6/`)).toMatchObject([{ type: 'late.removed', data: { files: 1 } }]);
  expect(await keys()).toEqual([`runs/${id}/poster/7/poster.jpg`]);
});
