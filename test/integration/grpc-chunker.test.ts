import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, createContextValues, type HandlerContext } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-node';
import { status as Status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PieceNews } from '../../src/desk/pieces.ts';
import { createChunker } from '../../src/grpc/chunker.ts';
import { type Visit, visitKey } from '../../src/grpc/gate.ts';
import { Chunker, ChunkEvent_Kind as Kind } from '../../src/grpc/stubs/sluice/v1/chunker_pb.ts';
import type { Message } from '../support/grpc-client.ts';
import { type GrpcWorld, openGrpcWorld } from '../support/grpc-world.ts';
import { SAMPLE } from '../support/house.ts';

let world: GrpcWorld;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-chunker-'));
  await Promise.all(['in', 'out'].map((name) => mkdir(join(folder, name))));
  await copyFile(SAMPLE, join(folder, 'in', 'film.mp4'));
  world = await openGrpcWorld({
    MEDIA_IN: join(folder, 'in'),
    MEDIA_OUT: join(folder, 'out'),
    MEDIA_OUT_URL: 'https://media.example',
  });
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

async function start(outputs: readonly object[]): Promise<string> {
  const answer = await world.house.post('/api/runs', { input: 'media-in:film.mp4', outputs });
  expect(answer.status).toBe(202);
  return ((await answer.json()) as { id: string }).id;
}

const pieces = (params: object = {}) =>
  start([{ id: 'pieces', task: 'chunk', params: { seconds: 2, exact: true, ...params } }]);

/** All that is told of a run, until its end. */
function follow(runId: string): Promise<{ readonly events: Message[]; readonly code: number }> {
  const events: Message[] = [];
  const stream = world.client.chunker.StreamChunkPipeline({ run_id: runId });
  return new Promise((resolve) => {
    stream.on('data', (event: Message) => events.push(event));
    stream.on('error', ({ code }: { code: number }) => resolve({ events, code }));
    stream.on('end', () => resolve({ events, code: Status.OK }));
  });
}

const kinds = (events: readonly Message[]) =>
  events.flatMap(({ kind, piece, progress }) => (progress ? [] : [piece ? `${kind} ${piece.index}` : kind]));

const WHOLE = ['QUEUED', 'PROCESSING', 'DONE 0', 'DONE 1', 'DONE 2', 'DONE 3', 'DONE'];

describe('what happens in a run that cuts a recording into pieces', () => {
  it('V P28 P32 P33 P34 is told as it happens, in its order, and ends with the run', async () => {
    const run = await pieces();
    const live = follow(run);
    await world.house.startWorker();
    const { events, code } = await live;

    expect(code).toBe(Status.OK);
    expect(kinds(events)).toEqual(WHOLE);
    expect(events.map(({ number }) => number)).toEqual(events.map((_, at) => at + 1));
    const [first] = events.filter(({ piece }) => piece);
    expect(first).toMatchObject({
      step: 'pieces',
      piece: {
        index: 0,
        start_s: 0,
        address: expect.stringMatching(/^https:\/\/media\.example\/.*piece-00001\.mp4$/),
      },
    });
  });

  it('P34 is told from its beginning to whoever comes late', async () => {
    const run = await pieces();
    await world.house.reaches(run, 'done');
    expect(kinds((await follow(run)).events)).toEqual(WHOLE);
  });

  it('is told over gRPC-Web as well', async () => {
    const run = await pieces();
    const transport = createGrpcWebTransport({
      baseUrl: world.house.config.pipeline.url,
      httpVersion: '1.1',
    });
    const heard = [];
    for await (const event of createClient(Chunker, transport).streamChunkPipeline({ runId: run })) {
      heard.push(event.kind);
    }
    expect(heard.at(0)).toBe(Kind.QUEUED);
    expect(heard.at(-1)).toBe(Kind.DONE);
  });

  it('ends with an error where the run does', async () => {
    const run = await pieces();
    await world.house.post(`/api/recordings/${run}/cancel`, {});
    const { events } = await follow(run);
    expect(['CANCELLED', 'DONE']).toContain(events.at(-1).failure?.code || events.at(-1).kind);
  });

  it.each([
    ['no run', async () => 'rec_000000000000000000000000', Status.NOT_FOUND],
    [
      'a run that cuts nothing',
      () => start([{ id: 'picture', task: 'thumbnail', params: {} }]),
      Status.FAILED_PRECONDITION,
    ],
  ])('is refused of %s', async (_what, runOf, code) => {
    expect(await follow(await runOf())).toEqual({ events: [], code });
  });
});

describe('a reader', () => {
  it('that does not take what it is told is let go', async () => {
    let isLetGo = false;
    const visit: Visit = {
      admit: () => ({ holder: { name: 'somebody', role: 'viewer' }, note() {} }),
      letGo() {
        isLetGo = true;
      },
    };
    async function* endless(): AsyncGenerator<PieceNews> {
      for (;;) yield { kind: 'queued', atMs: 0 };
    }
    const chunker = createChunker({ pieces: { follow: endless }, slowReaderMs: 20 });
    const context = {
      values: createContextValues().set(visitKey, visit),
      signal: new AbortController().signal,
    } as HandlerContext;
    const told = (chunker.streamChunkPipeline as Message)({ runId: 'rec_1' }, context)[
      Symbol.asyncIterator
    ]();
    await told.next();
    await told.next();
    expect(isLetGo).toBe(false);
    await expect.poll(() => isLetGo).toBe(true);
    await told.return();
  });
});
