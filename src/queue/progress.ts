import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Leg, ProgressListener, ProgressMessage } from '../domain/progress.ts';
import { STEP_ID } from '../domain/recipe.ts';
import { KEY_PREFIX } from './connection.ts';

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
  doneBytes: number;
  totalBytes: number;
  readonly beganMs: number;
  /** What has moved since then, a second time too; not what was found to be there. */
  movedBytes: number;
  movedAtMs: number;
  bytesPerS: number;
  /** What had moved when, after some of the moves, as far back as speed looks. */
  samples: { readonly atMs: number; readonly movedBytes: number }[];
}

/**
 * Tells how far a recording is, at most four times a second, and once a second also while nothing moves, so that whoever
 * begins to listen soon knows. It is called for every chunk and costs a comparison then; it never waits for Redis, and
 * while Redis is away, or has not taken the last message, it says nothing.
 */
export function createProgressTeller(options: {
  connection: Pick<Redis, 'status' | 'publish'>;
  now?: () => number;
}): ProgressListener {
  const { connection, now = () => performance.now() } = options;
  let recordingId: string | undefined;
  let tracks = new Map<string, Track>();
  let toldMs = Number.NEGATIVE_INFINITY;
  let isTelling = false;
  let timer: NodeJS.Timeout | undefined;

  function tell(): void {
    if (isTelling || connection.status !== 'ready' || recordingId === undefined) return;
    const atMs = now();
    toldMs = atMs;
    const message: ProgressMessage = {
      recordingId,
      legs: Object.fromEntries([...tracks].map(([stage, track]) => [stage, legOf(track, atMs)])),
    };
    isTelling = true;
    const told = () => {
      isTelling = false;
    };
    connection.publish(PROGRESS_CHANNEL, JSON.stringify(message)).then(told, told);
  }

  function rests(): void {
    clearInterval(timer);
    timer = undefined;
    recordingId = undefined;
    tracks = new Map();
    toldMs = Number.NEGATIVE_INFINITY;
  }

  return {
    told(input) {
      if (input.recordingId !== recordingId) {
        rests();
        recordingId = input.recordingId;
        timer = setInterval(() => {
          if (now() - toldMs >= MAX_PAUSE_MS - PAUSE_MS) tell();
        }, MAX_PAUSE_MS);
        timer.unref();
      }
      const atMs = now();
      const track = tracks.get(input.stage);
      if (track === undefined) tracks.set(input.stage, beginTrack(input, atMs));
      else moveTrack(track, input, atMs);
      // That it has arrived is told at once.
      const isComplete = input.totalBytes > 0 && input.doneBytes >= input.totalBytes;
      if (atMs >= toldMs + PAUSE_MS || isComplete) tell();
    },
    rests(id) {
      if (id !== recordingId) return;
      tell();
      rests();
    },
  };
}

/**
 * Hears, over a connection of its own, what workers tell; Redis may come and go meanwhile. What is not understood is
 * from another version, and passed over.
 */
export function listenForProgress(
  connection: Redis,
  listener: (message: ProgressMessage) => void,
): { stop(): void } {
  const subscriber = connection.duplicate();
  // The other connection says that Redis is away.
  subscriber.on('error', () => {});
  subscriber.on('message', (_channel: string, text: string) => {
    const message = parse(text);
    if (message !== undefined) listener(message);
  });
  subscriber.subscribe(PROGRESS_CHANNEL).catch(() => {});
  return { stop: () => subscriber.disconnect() };
}

const legShape = z.object({
  doneBytes: z.number(),
  totalBytes: z.number(),
  bytesPerS: z.number(),
  leftS: z.number().optional(),
  // A worker of an earlier version does not say it.
  idleS: z.number().default(0),
});

const messageShape = z.object({
  recordingId: z.string().max(100),
  legs: z.record(z.string().regex(STEP_ID), legShape),
});

/** Whoever reaches Redis can write there what they like: what is no message of ours is not heard. */
function parse(text: string): ProgressMessage | undefined {
  try {
    return messageShape.safeParse(JSON.parse(text)).data as ProgressMessage | undefined;
  } catch {
    return undefined;
  }
}

function beginTrack({ doneBytes, totalBytes }: Told, atMs: number): Track {
  return {
    doneBytes,
    totalBytes,
    beganMs: atMs,
    movedBytes: 0,
    movedAtMs: atMs,
    bytesPerS: 0,
    samples: [{ atMs, movedBytes: 0 }],
  };
}

function moveTrack(track: Track, { doneBytes, totalBytes, how }: Told, atMs: number): void {
  const bytes = how === 'moved' ? Math.max(0, doneBytes - track.doneBytes) : 0;
  Object.assign(track, { doneBytes, totalBytes });
  if (bytes === 0) return;
  // The time in which it stood is no part of how fast it goes.
  if (atMs - track.movedAtMs >= STANDING_AFTER_MS) track.samples = [];
  track.movedBytes += bytes;
  track.movedAtMs = atMs;
  const { samples, movedBytes } = track;
  if (atMs - (samples.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) >= PAUSE_MS)
    samples.push({ atMs, movedBytes });
  for (;;) {
    const [first, second] = samples;
    if (first === undefined || second === undefined) return;
    const isFilling = first.atMs < track.beganMs + FILLING_MS && atMs - second.atMs >= 2 * FILLING_MS;
    if (!isFilling && atMs - second.atMs < SPEED_WINDOW_MS) return;
    samples.shift();
  }
}

function legOf(track: Track, atMs: number): Leg {
  const { doneBytes, totalBytes, samples, movedAtMs } = track;
  const [first] = samples;
  const last = samples.at(-1);
  if (first !== undefined && last !== undefined && last !== first) {
    // From step to step; since the last one only if the next is overdue.
    const stepMs = (last.atMs - first.atMs) / (samples.length - 1);
    const untilMs = atMs - last.atMs > 2 * stepMs ? atMs : last.atMs;
    track.bytesPerS = Math.round(((last.movedBytes - first.movedBytes) * 1000) / (untilMs - first.atMs));
  }
  const idleMs = atMs - movedAtMs;
  const isComplete = totalBytes > 0 && doneBytes >= totalBytes;
  const isStanding = isComplete || idleMs >= STANDING_AFTER_MS;
  const bytesPerS = isStanding ? 0 : track.bytesPerS;
  const leftBytes = totalBytes - doneBytes;
  const leftS = bytesPerS > 0 && leftBytes > 0 ? Math.ceil(leftBytes / bytesPerS) : undefined;
  return {
    doneBytes,
    totalBytes,
    bytesPerS,
    leftS: isComplete ? 0 : leftS,
    idleS: isComplete ? 0 : Math.floor(idleMs / 1000),
  };
}
