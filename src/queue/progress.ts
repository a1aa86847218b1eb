import type { Redis } from 'ioredis';
import { z } from 'zod';
import { STAGES, type Stage } from '../domain/recording.ts';
import type { OnProgress } from '../tasks/pipeline.ts';
import { KEY_PREFIX } from './connection.ts';

/** Where the worker tells how far the recording is that moves; nobody need listen. */
const PROGRESS_CHANNEL = `${KEY_PREFIX}:progress`;

/** How far one of the stages is that move bytes. */
interface Leg {
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Over the last few seconds. */
  readonly bytesPerS: number;
  /** `undefined` while nothing moves. */
  readonly leftS: number | undefined;
}

/** What is told at a time: of one recording all that moves. */
export interface ProgressMessage {
  readonly recordingId: string;
  readonly legs: Partial<Record<Stage, Leg>>;
}

/** The shortest pause between two messages about one recording, in milliseconds. */
const PAUSE_MS = 250;

/** The time over which speed is measured, in milliseconds. */
const SPEED_WINDOW_MS = 4000;

interface Track {
  doneBytes: number;
  totalBytes: number;
  /** Where it was when, a sample per message, as far back as speed looks. */
  readonly samples: { readonly atMs: number; readonly doneBytes: number }[];
}

/**
 * Tells how far a recording is, at most four times a second. It is called for every chunk and costs a comparison then;
 * it never waits for Redis, and while Redis is away, or has not taken the last message, it says nothing.
 */
export function createProgressTeller(options: {
  connection: Pick<Redis, 'status' | 'publish'>;
  now?: () => number;
}): OnProgress {
  const { connection, now = Date.now } = options;
  let recordingId: string | undefined;
  let tracks = new Map<Stage, Track>();
  let nextMs = 0;
  let isTelling = false;

  return (input) => {
    if (input.recordingId !== recordingId) {
      recordingId = input.recordingId;
      tracks = new Map();
      nextMs = 0;
    }
    const { stage, doneBytes, totalBytes } = input;
    const track = tracks.get(stage);
    if (track === undefined) tracks.set(stage, { doneBytes, totalBytes, samples: [] });
    else Object.assign(track, { doneBytes, totalBytes });

    const atMs = now();
    // That it has arrived is told at once.
    const isComplete = doneBytes >= totalBytes;
    if (isTelling || connection.status !== 'ready' || (atMs < nextMs && !isComplete)) return;
    nextMs = atMs + PAUSE_MS;
    const message: ProgressMessage = {
      recordingId,
      legs: Object.fromEntries([...tracks].map(([name, each]) => [name, legOf(each, atMs)])),
    };
    isTelling = true;
    const told = () => {
      isTelling = false;
    };
    connection.publish(PROGRESS_CHANNEL, JSON.stringify(message)).then(told, told);
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
});

const messageShape = z.object({
  recordingId: z.string().max(100),
  legs: z.partialRecord(z.enum(STAGES), legShape),
});

/** Whoever reaches Redis can write there what they like: what is no message of ours is not heard. */
function parse(text: string): ProgressMessage | undefined {
  try {
    return messageShape.safeParse(JSON.parse(text)).data as ProgressMessage | undefined;
  } catch {
    return undefined;
  }
}

function legOf(track: Track, atMs: number): Leg {
  const { doneBytes, totalBytes, samples } = track;
  // One that began anew has no speed yet.
  if (doneBytes < (samples.at(-1)?.doneBytes ?? 0)) samples.length = 0;
  samples.push({ atMs, doneBytes });
  while (samples.length > 2 && atMs - (samples[0]?.atMs ?? atMs) > SPEED_WINDOW_MS) samples.shift();
  const oldest = samples[0] ?? { atMs, doneBytes };
  const elapsedMs = atMs - oldest.atMs;
  const bytesPerS = elapsedMs <= 0 ? 0 : Math.round(((doneBytes - oldest.doneBytes) * 1000) / elapsedMs);
  const leftBytes = Math.max(0, totalBytes - doneBytes);
  const leftS = leftBytes === 0 ? 0 : bytesPerS > 0 ? Math.ceil(leftBytes / bytesPerS) : undefined;
  return { doneBytes, totalBytes, bytesPerS, leftS };
}
