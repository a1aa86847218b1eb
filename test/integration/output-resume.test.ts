import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type S3Simulator, startS3Simulator } from '../../simulators/s3/simulator.ts';
import type { OutputPlace } from '../../src/engine/ports/output-place.ts';
import { createS3Output } from '../../src/outside/s3/output-place.ts';
import { type MediaWorld, openMediaWorld } from '../support/media-world.ts';
import { s3Settings } from '../support/s3-worlds.ts';

/** So long that it is sent in four parts. */
const SOUND_S = 300;

let world: MediaWorld;
let s3: S3Simulator;
let sound: string;
let tools: { outputPlaces: ReadonlyMap<string, OutputPlace> };

beforeAll(async () => {
  world = await openMediaWorld();
  s3 = await startS3Simulator();
  const place = createS3Output('media-out', {
    ...s3Settings({ ...s3, profile: 'generic' }),
    bucket: s3.bucket,
    prefix: '',
    url: undefined,
    idleTimeoutMs: 5000,
  });
  tools = { outputPlaces: new Map([['media-out', place]]) };
  sound = await world.make('sound.wav', '-f', 'lavfi', '-i', `anoisesrc=d=${SOUND_S}:r=48000`, '-ac', '2');
});
afterEach(async () => {
  s3.faults.clear();
  await world.withdraw('trim', {}, tools);
});
afterAll(async () => {
  await s3?.close();
  await world?.close();
});

const parts = () =>
  s3.requests.flatMap(({ method, query, status }) => {
    const [, number] = /partNumber=(\d+)/.exec(query) ?? [];
    return method === 'PUT' && number !== undefined && status === 200 ? [Number(number)] : [];
  });

/** Uploads in parts that were begun. */
const begun = () =>
  s3.requests.filter(({ method, query }) => method === 'POST' && /^\??uploads/.test(query)).length;

/** An attempt that ends as its worker does, once two parts of its output have arrived; what it has noted by then. */
async function interrupted(params: object): Promise<unknown> {
  let checkpoint: unknown;
  const stop = new AbortController();
  const before = parts().length;
  s3.fail({ on: 'PUT *#UploadPart', skip: 2, count: 1000, stall: true });
  const more = {
    signal: stop.signal,
    async saveCheckpoint(said: unknown) {
      checkpoint = said;
    },
  };
  const attempt = world.run('trim', sound, params, more as never, tools);
  attempt.catch(() => {});
  await expect.poll(() => parts().length - before, { timeout: 50_000, interval: 10 }).toBe(2);
  stop.abort(new Error('the worker stops'));
  await expect(attempt).rejects.toThrow('the worker stops');
  s3.faults.clear();
  expect(s3.uploads()).toHaveLength(1);
  return checkpoint;
}

describe('a large output that was on its way when its worker died', () => {
  it('goes on, and no part that has arrived is sent again', async () => {
    const [sentBefore, begunBefore] = [parts().length, begun()];
    const checkpoint = await interrupted({ end: SOUND_S });
    const { fact } = await world.run(
      'trim',
      sound,
      { end: SOUND_S },
      { checkpoint, fence: 2 } as never,
      tools,
    );

    expect(begun() - begunBefore).toBe(1);
    const sent = parts().slice(sentBefore);
    expect(sent.length).toBeGreaterThanOrEqual(2);
    expect(new Set(sent).size).toBe(sent.length);
    expect(s3.objects().map(({ key }) => key)).toEqual(fact.outputs.map(({ key }) => key));
    const bytes = await buffer(s3.read(fact.outputs[0]?.key ?? ''));
    expect(bytes.subarray(0, 4).toString('latin1')).toBe('RIFF');
    expect(bytes.length).toBe(fact.outputs[0]?.bytes);
    expect(s3.uploads()).toEqual([]);
  });

  it('is thrown away where another attempt makes something else', async () => {
    const checkpoint = await interrupted({ end: SOUND_S });
    const { fact } = await world.run('trim', sound, { end: 10 }, { checkpoint, fence: 2 } as never, tools);

    expect(fact.outputs).toHaveLength(1);
    expect(s3.uploads()).toEqual([]);
  });

  it('goes with its recording where that is cancelled', async () => {
    const checkpoint = await interrupted({ end: SOUND_S });
    await world.withdraw('trim', { checkpoint }, tools);

    expect(s3.objects()).toEqual([]);
    expect(s3.uploads()).toEqual([]);
  });
});
