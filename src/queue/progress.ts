import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { ProgressListener, ProgressMessage } from '../domain/progress.ts';
import { STEP_ID } from '../domain/recipe.ts';
import { KEY_PREFIX } from './connection.ts';
import { subscribe } from './subscribe.ts';

/** Where the worker tells how far the recording is that moves; nobody need listen. */
const PROGRESS_CHANNEL = `${KEY_PREFIX}:progress`;

type Told = Parameters<ProgressListener['told']>[0];

/** The shortest pause between two messages about one recording, and the longest one, in milliseconds. */
const PAUSE_MS = 250;
const MAX_PAUSE_MS = 1000;

/** The time over which speed is measured at least, in milliseconds; longer where bytes move in steps that are rarer. */
const SPEED_WINDOW_MS = 30_000;

/** What moves at first only fills the buffers of this machine, for so long; later it is left out of the speed. */
const FILLING_MS = 1000;

/** A leg without a byte for this long, in milliseconds, has no speed: that it stands is what is told. */
export const STANDING_AFTER_MS = 10_000;

interface Track {
  readonly unit: 'bytes' | 'seconds';
  done: number;
  total: number;
  readonly beganMs: number;
  /** What has moved since then, a second time too; not what was found to be there. */
  moved: number;
  movedAtMs: number;
  perS: number;
  /** What had moved when, after some of the moves, as far back as speed looks. */
  samples: { readonly atMs: number; readonly moved: number }[];
}

/**
 * Tells how far recordings are, of each at most four times a second, and once a second also while nothing moves, so that whoever
 * begins to listen soon knows. It is called for every chunk and costs a comparison then; it never waits for Redis, and
 * while Redis is away, or has not taken the last message, it says nothing.
 */
export function createProgressTeller(options: {
  connection: Pick<Redis, 'status' | 'publish'>;
  now?: () => number;
}): ProgressListener {
  const tellers = new Map<string, ReturnType<typeof createTeller>>();
  return {
    told(input) {
      const { recordingId } = input;
      let teller = tellers.get(recordingId);
      if (teller === undefined) {
        teller = createTeller(recordingId, options);
        tellers.set(recordingId, teller);
      }
      teller.told(input);
    },
    rests(id) {
      tellers.get(id)?.rests();
      tellers.delete(id);
    },
  };
}

/** Tells how far one recording is. */
function createTeller(
  recordingId: string,
  options: { connection: Pick<Redis, 'status' | 'publish'>; now?: () => number },
) {
  const { connection, now = () => performance.now() } = options;
  const tracks = new Map<string, Track>();
  let toldMs = Number.NEGATIVE_INFINITY;
  let isTelling = false;
  const timer = setInterval(() => {
    if (now() - toldMs >= MAX_PAUSE_MS - PAUSE_MS) tell();
  }, MAX_PAUSE_MS);
  timer.unref();

  function tell(): void {
    if (isTelling || connection.status !== 'ready') return;
    const atMs = now();
    toldMs = atMs;
    const of = <T>(unit: Track['unit'], view: (pace: Pace) => T) =>
      Object.fromEntries(
        [...tracks].flatMap(([stage, track]) =>
          track.unit === unit ? [[stage, view(paceOf(track, atMs))]] : [],
        ),
      );
    const message: ProgressMessage = {
      recordingId,
      legs: of('bytes', ({ done, total, perS, ...rest }) => ({
        doneBytes: done,
        totalBytes: total,
        bytesPerS: Math.round(perS),
        ...rest,
      })),
      encodings: of('seconds', ({ done, total, perS, ...rest }) => ({
        doneS: rounded(done),
        totalS: rounded(total),
        speed: rounded(perS),
        ...rest,
      })),
    };
    isTelling = true;
    const told = () => {
      isTelling = false;
    };
    connection.publish(PROGRESS_CHANNEL, JSON.stringify(message)).then(told, told);
  }

  return {
    told(input: Told) {
      const atMs = now();
      const step = readStep(input);
      const track = tracks.get(input.stage);
      // What it has encoded is no part of what it sends.
      if (track?.unit !== step.unit) tracks.set(input.stage, beginTrack(step, atMs));
      else moveTrack(track, step, atMs);
      // That it has arrived is told at once.
      const isComplete = step.total > 0 && step.done >= step.total;
      if (atMs >= toldMs + PAUSE_MS || isComplete) tell();
    },
    rests() {
      tell();
      clearInterval(timer);
    },
  };
}

const rounded = (value: number) => Math.round(value * 100) / 100;

/** Hears what workers tell, whenever Redis is there. What is not understood is from another version, and passed over. */
export function listenForProgress(
  connection: Redis,
  listener: (message: ProgressMessage) => void,
): { stop(): void } {
  return subscribe(connection, PROGRESS_CHANNEL, (text) => {
    const message = parse(text);
    if (message !== undefined) listener(message);
  });
}

const legShape = z.object({
  doneBytes: z.number(),
  totalBytes: z.number(),
  bytesPerS: z.number(),
  leftS: z.number().optional(),
  // A worker of an earlier version does not say it.
  idleS: z.number().default(0),
});

const encodingShape = z.object({
  doneS: z.number(),
  totalS: z.number(),
  speed: z.number(),
  leftS: z.number().optional(),
  idleS: z.number(),
});

const messageShape = z.object({
  recordingId: z.string().max(100),
  legs: z.record(z.string().regex(STEP_ID), legShape),
  // A worker of an earlier version does not say it.
  encodings: z.record(z.string().regex(STEP_ID), encodingShape).default({}),
});

/** Whoever reaches Redis can write there what they like: what is no message of ours is not heard. */
function parse(text: string): ProgressMessage | undefined {
  try {
    return messageShape.safeParse(JSON.parse(text)).data as ProgressMessage | undefined;
  } catch {
    return undefined;
  }
}

/** How far a step is, in whatever unit. */
interface Step {
  readonly unit: Track['unit'];
  readonly done: number;
  readonly total: number;
  readonly isFound: boolean;
}

function readStep(told: Told): Step {
  if ('doneS' in told) return { unit: 'seconds', done: told.doneS, total: told.totalS, isFound: false };
  const { doneBytes, totalBytes, how } = told;
  return { unit: 'bytes', done: doneBytes, total: totalBytes, isFound: how === 'found' };
}

function beginTrack({ unit, done, total }: Step, atMs: number): Track {
  return {
    unit,
    done,
    total,
    beganMs: atMs,
    moved: 0,
    movedAtMs: atMs,
    perS: 0,
    samples: [{ atMs, moved: 0 }],
  };
}

function moveTrack(track: Track, { done, total, isFound }: Step, atMs: number): void {
  const by = isFound ? 0 : Math.max(0, done - track.done);
  Object.assign(track, { done, total });
  if (by === 0) return;
  // The time in which it stood is no part of how fast it goes.
  if (atMs - track.movedAtMs >= STANDING_AFTER_MS) track.samples = [];
  track.moved += by;
  track.movedAtMs = atMs;
  const { samples, moved } = track;
  if (atMs - (samples.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) >= PAUSE_MS) samples.push({ atMs, moved });
  for (;;) {
    const [first, second] = samples;
    if (first === undefined || second === undefined) return;
    const isFilling = first.atMs < track.beganMs + FILLING_MS && atMs - second.atMs >= 2 * FILLING_MS;
    if (!isFilling && atMs - second.atMs < SPEED_WINDOW_MS) return;
    samples.shift();
  }
}

interface Pace {
  readonly done: number;
  readonly total: number;
  readonly perS: number;
  readonly leftS: number | undefined;
  readonly idleS: number;
}

function paceOf(track: Track, atMs: number): Pace {
  const { done, total, samples, movedAtMs } = track;
  const [first] = samples;
  const last = samples.at(-1);
  if (first !== undefined && last !== undefined && last !== first) {
    // From step to step; since the last one only if the next is overdue.
    const stepMs = (last.atMs - first.atMs) / (samples.length - 1);
    const untilMs = atMs - last.atMs > 2 * stepMs ? atMs : last.atMs;
    track.perS = ((last.moved - first.moved) * 1000) / (untilMs - first.atMs);
  }
  const idleMs = atMs - movedAtMs;
  const isComplete = total > 0 && done >= total;
  const isStanding = isComplete || idleMs >= STANDING_AFTER_MS;
  const perS = isStanding ? 0 : track.perS;
  const left = total - done;
  const leftS = perS > 0 && left > 0 ? Math.ceil(left / perS) : undefined;
  return {
    done,
    total,
    perS,
    leftS: isComplete ? 0 : leftS,
    idleS: isComplete ? 0 : Math.floor(idleMs / 1000),
  };
}
