import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { CONTAINERS, type Container, canBeCopied, containerForCopy } from '../domain/media/containers.ts';
import { sizeWithin, tagOf } from '../domain/media/encoding.ts';
import { isAsLong, isWhole, slackS } from '../domain/media/output.ts';
import { type Piece, readPieces, segmentArgs } from '../domain/media/pieces.ts';
import type { TaskShape } from '../domain/recipe.ts';
import { encode, STREAMS_ONLY } from './support/encode.ts';
import { createMediaTask, type MediaWork, type OutputTools } from './support/media-step.ts';
import { outputPlaces, toPlace } from './support/output-params.ts';

const paramsShape = z.strictObject({
  ...toPlace,
  seconds: z
    .number()
    .min(1)
    .max(86_400)
    .default(600)
    .describe('Length of a piece; the last one may be shorter'),
  exact: z.boolean().default(false).describe('Encode it anew, and cut at the very moments'),
});

export const shape = {
  name: 'chunk',
  label: 'Chunk',
  lane: 'media',
  makesOutputs: true,
  reports: 'seconds',
  takes: { file: 'proved' },
  params: paramsShape,
  places: outputPlaces,
} as const satisfies TaskShape;

type Params = z.infer<typeof paramsShape>;

/** Each piece has a line in the history. */
const MAX_PIECES = 2000;

const scratchBytes = (sourceBytes: number) => 2 * sourceBytes + 100_000_000;

/**
 * Cuts a recording into pieces of about one length: as it is, at the first keyframe behind each moment; or encoded anew, at
 * the very moments. A piece is brought to its place while the next one is cut, and the history tells of each (`piece.made`).
 *
 * Safe to repeat: see `createMediaTask`. The history tells of the pieces of each attempt; those count that the fact names.
 */
export const makeTask = (tools: OutputTools) => createMediaTask({ shape, tools, scratchBytes, work: chunk });

async function chunk(work: MediaWork<Params>) {
  const { input, params, run } = work;
  const { video, audio } = input.file;
  const count = Math.ceil(input.durationS / params.seconds);
  if (count > MAX_PIECES) {
    const why = `${count} pieces of ${params.seconds} s, and ${MAX_PIECES} are the most`;
    throw new KnownError(`The file would be cut into ${why}`, { code: 'PARAMS_UNFIT' });
  }
  const isExact = params.exact || !canBeCopied(input.file);
  const encoded = video === undefined ? CONTAINERS.m4a : CONTAINERS.mp4;
  const container = isExact ? encoded : containerForCopy(input.file);

  const pieces: Piece[] = [];
  let brought = Promise.resolve();
  const onOutput = readPieces((said) => {
    brought = brought.then(async () => {
      pieces.push(await bring(work, container, said, pieces.length));
    });
    // It is heard of where it is awaited.
    brought.catch(() => {});
  });
  const output = segmentArgs(container, params.seconds);
  if (isExact) {
    await encode(
      work,
      {
        container,
        quality: 'good',
        ...(video && {
          video: { stream: video, codec: 'h264', size: sizeWithin(video, Number.POSITIVE_INFINITY) },
        }),
        ...(audio && { audio: { stream: audio, codec: 'aac' } }),
        keyframeEachS: params.seconds,
      },
      output,
      onOutput,
    );
  } else {
    const streams = [video, audio].flatMap((stream) => (stream ? ['-map', `0:${stream.index}`] : []));
    await run({
      args: [
        ...input.args,
        ...streams,
        '-c',
        'copy',
        ...tagOf(video?.codec ?? ''),
        ...STREAMS_ONLY,
        ...output,
      ],
      expectedS: input.durationS,
      onOutput,
    });
  }
  await brought;
  const endS = pieces.at(-1)?.endS ?? 0;
  if (!isWhole(endS, input.durationS)) {
    const lengths = `${endS.toFixed(2)} s of ${input.durationS.toFixed(2)} s`;
    throw new KnownError(`The pieces have ${lengths} together`, { code: 'OUTPUT_DIFFERS' });
  }
  return { pieces: pieces.map(({ startS, endS }) => ({ startS, endS })), isExact };
}

async function bring(
  { input, prove, put, note, step, folder }: MediaWork<Params>,
  { mediaType }: Container,
  { name, startS, endS: saidS }: Piece,
  index: number,
): Promise<Piece> {
  const { video } = input.file;
  // ffmpeg says where the pictures of a piece end, behind the last of which the sound may go on.
  const isLast = video !== undefined && saidS >= video.startS + (video.durationS ?? 0) - slackS(saidS);
  const overS = isLast ? Math.max(0, input.durationS - saidS) : 0;
  const wantedS = saidS - startS;
  const { durationS: madeS = wantedS } = await prove(name, { durationS: wantedS, overS });
  const endS = isAsLong(madeS, wantedS) ? saidS : startS + madeS;
  const durationS = Math.round(1000 * (endS - startS)) / 1000;
  const { key, address, bytes } = await put(name, { mediaType, durationS });
  await note('piece.made', { stage: step.id, index, startS, endS, key, address, bytes });
  await rm(join(folder, name), { force: true });
  return { name, startS, endS };
}
