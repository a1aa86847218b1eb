import { link, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type Message } from '../../test/support/grpc-client.ts';
import type { Processes } from '../../test/support/processes.ts';
import { BenchFailure } from './bench.ts';
import { peakMemoryMib } from './process-costs.ts';
import { steer } from './simulated-services.ts';

const PAGE = `query {
  assets(first: 50) { id filename status size jobs { id status progress presetId } }
}`;

/** Files of one folder. */
const FOLDER_FILES = 500;

/** At least as long is one piece, which begins with a keyframe, in seconds. */
const PIECE_S = 2;

/** A folder with a film, and many times the same in folders below. */
export async function makeLibrary(folder: string, film: string, files: number): Promise<string> {
  const root = join(folder, 'library');
  await mkdir(root);
  await link(film, join(root, 'film.mp4'));
  for (let n = 0; n < files; n += 1) {
    const below = join(root, `course-${Math.floor(n / FOLDER_FILES)}`);
    if (n % FOLDER_FILES === 0) await mkdir(below);
    await link(film, join(below, `lesson-${n}.mp4`));
  }
  return root;
}

/** Looks a library through twice, and then page by page, one page after the other. */
export async function measureLibrary(
  sluice: Processes,
  { files, pages }: { readonly files: number; readonly pages: number },
  signal: AbortSignal,
): Promise<{
  readonly firstS: number;
  readonly againS: number;
  readonly moreMib: number;
  readonly pageMs: readonly number[];
}> {
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  const ask = async (query: string, variables: object = {}): Promise<any> => {
    signal.throwIfAborted();
    const { data, errors } = (await steer('POST', `${sluice.pipelineUrl}/graphql`, { query, variables })) as {
      data: unknown;
      errors?: unknown;
    };
    if (errors !== undefined) throw new BenchFailure(`GraphQL: ${JSON.stringify(errors)}`);
    return data;
  };
  const scan = async () => {
    const startMs = performance.now();
    const { scanMediaFolder: found } = await ask('mutation { scanMediaFolder { found registered skipped } }');
    return { tookS: (performance.now() - startMs) / 1000, found };
  };
  const beforeMib = await peakMemoryMib(sluice.pid('pipeline'));
  const first = await scan();
  const again = await scan();
  if (first.found.registered !== files + 1 || again.found.skipped !== files + 1) {
    throw new BenchFailure(`${JSON.stringify(first.found)}, then ${JSON.stringify(again.found)}`);
  }
  const moreMib = (await peakMemoryMib(sluice.pid('pipeline'))) - beforeMib;
  const { assets } = await ask(PAGE);
  for (const { id } of assets) {
    for (const presetId of ['web-720p', 'thumbnail']) {
      await ask('mutation ($input: JobInput!) { createJob(input: $input) { id } }', {
        input: { sourceAssetId: id, presetId },
      });
    }
  }
  const pageMs: number[] = [];
  for (let n = 0; n < pages; n += 1) {
    const startMs = performance.now();
    await ask(PAGE);
    pageMs.push(performance.now() - startMs);
  }
  return { firstS: first.tookS, againS: again.tookS, moreMib, pageMs };
}

/** Cuts the film of the library into pieces and follows that: how long after a piece was there each was told of. */
export async function followPieces(
  sluice: Processes,
  address: string,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const { id } = (await steer('POST', `${sluice.pipelineUrl}/api/runs`, {
    input: 'media-in:film.mp4',
    outputs: [{ id: 'pieces', task: 'chunk', params: { seconds: PIECE_S } }],
  })) as { id: string };
  const client = connect(address);
  const stream = client.chunker.StreamChunkPipeline({ run_id: id });
  signal.addEventListener('abort', () => stream.cancel(), { once: true });
  const lateMs: number[] = [];
  await new Promise<void>((resolve, reject) => {
    stream.on('data', ({ kind, piece, at_ms: atMs }: Message) => {
      if (kind === 'DONE' && piece) lateMs.push(Date.now() - atMs);
    });
    stream.on('error', reject);
    stream.on('end', resolve);
  }).finally(() => client.close());
  if (lateMs.length === 0) throw new BenchFailure('no piece was told of');
  return lateMs;
}
