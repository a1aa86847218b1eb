import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { CONTAINERS, canBeCopied, containerForCopy, muxArgs } from '../domain/media/containers.ts';
import { hidesItsBeginning } from '../domain/media/copy-rule.ts';
import { sizeWithin, tagOf } from '../domain/media/encoding.ts';
import { perSecond, type VideoStream } from '../domain/media/media-file.ts';
import type { TaskShape } from '../domain/recipe.ts';
import { type Encoding, encode, proofOf, STREAMS_ONLY } from './support/encode.ts';
import { keyframeBefore } from './support/keyframes.ts';
import { createMediaTask, type MediaWork, type OutputTools, type Proof } from './support/media-step.ts';
import { moment, outputPlaces, secondsOf, toPlaceOrAddress } from './support/output-params.ts';

const paramsShape = z.strictObject({
  ...toPlaceOrAddress,
  start: moment()
    .default('0')
    .describe('Where it begins: 55, 00:01:14.5, 200ms, or a share of the length such as 10%'),
  end: moment().default('100%').describe('Where it ends, from the beginning of the whole film on'),
  exact: z.boolean().default(false).describe('Encode it anew, and begin exactly there'),
});

export const shape = {
  name: 'trim',
  label: 'Trim',
  lane: 'media',
  makesOutputs: true,
  keysAt: (key) => [key],
  reports: 'seconds',
  takes: { file: 'proved' },
  params: paramsShape,
  places: outputPlaces,
} as const satisfies TaskShape;

type Params = z.infer<typeof paramsShape>;

const scratchBytes = (sourceBytes: number) => 2 * sourceBytes + 100_000_000;

interface Part {
  readonly startS: number;
  readonly endS: number;
}

/**
 * Cuts a part out of a recording: as it is, from the keyframe before on, which costs next to nothing; or encoded anew, from
 * the very moment on.
 *
 * Safe to repeat: see `createMediaTask`.
 */
export const makeTask = (tools: OutputTools) => createMediaTask({ shape, tools, scratchBytes, work: trim });

async function trim(work: MediaWork<Params>) {
  const { params } = work;
  const part = partOf(work);
  const copyFromS = params.exact || !canBeCopied(work.input.file) ? undefined : await whereToCopy(work, part);
  const isExact = copyFromS === undefined;
  const made = isExact ? await encoded(work, part) : await copied(work, part, copyFromS);
  const durationS = part.endS - made.startsAtS;
  await work.prove(made.name, { ...made.proof, durationS });
  await work.put(made.name, { mediaType: made.container.mediaType, durationS });
  return { startsAtS: made.startsAtS, endsAtS: part.endS, isExact };
}

/** @throws KnownError `PARAMS_UNFIT` */
function partOf({ params, input }: MediaWork<Params>): Part {
  const { durationS } = input;
  const startS = secondsOf(params.start, durationS);
  const endS = Math.min(durationS, secondsOf(params.end, durationS));
  const long = `the file is ${durationS.toFixed(2)} s long`;
  if (startS >= durationS) throw unfit(`It cannot begin at ${startS} s: ${long}`);
  if (endS <= startS) throw unfit(`It cannot begin at ${startS} s and end at ${endS} s: ${long}`);
  return { startS, endS };
}

/** Where a copy of a part begins, in seconds; `undefined`: it would show what an edit list hides before the film. */
async function whereToCopy(work: MediaWork<Params>, { startS }: Part): Promise<number | undefined> {
  const { video } = work.input.file;
  const keyS = video === undefined ? startS : await keyframeBefore(work, video, startS);
  return hidesItsBeginning({ hiddenS: -keyS }) ? undefined : Math.max(0, keyS);
}

async function copied(work: MediaWork<Params>, { startS, endS }: Part, startsAtS: number) {
  const { input, run } = work;
  const { video, audio } = input.file;
  const container = containerForCopy(input.file);
  const name = `trimmed.${container.name}`;
  await run({
    args: [
      ...(startS > 0 ? ['-ss', String(startS)] : []),
      ...['-to', String(endS), ...input.args],
      ...[video, audio].flatMap((stream) => (stream === undefined ? [] : ['-map', `0:${stream.index}`])),
      ...['-c', 'copy', ...tagOf(video?.codec ?? '')],
      // From its beginning on, what an edit list hides before it stays hidden.
      ...(startS > 0 ? ['-avoid_negative_ts', 'make_zero'] : []),
      ...[...STREAMS_ONLY, ...muxArgs(container), name],
    ],
  });
  const proof: Proof = {
    ...(video === undefined ? {} : { videoCodec: video.codec, overS: pictureS(video) }),
    ...(audio === undefined ? {} : { audioCodec: audio.codec }),
  };
  return { name, container, startsAtS, proof };
}

async function encoded(work: MediaWork<Params>, part: Part) {
  const { video, audio } = work.input.file;
  const container = video === undefined ? CONTAINERS.m4a : CONTAINERS.mp4;
  const name = `trimmed.${container.name}`;
  const encoding: Encoding = {
    container,
    quality: 'good',
    part,
    ...(video && {
      video: { stream: video, codec: 'h264', size: sizeWithin(video, Number.POSITIVE_INFINITY) },
    }),
    ...(audio && { audio: { stream: audio, codec: 'aac' } }),
  };
  await encode(work, encoding, name);
  return { name, container, startsAtS: part.startS, proof: proofOf(encoding, part.endS - part.startS) };
}

/** How long a picture stands. */
function pictureS({ averageRate }: VideoStream): number {
  return averageRate === undefined ? 0 : 1 / perSecond(averageRate);
}

function unfit(message: string): KnownError {
  return new KnownError(message, { code: 'PARAMS_UNFIT' });
}
