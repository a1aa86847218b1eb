import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { KnownError } from '../../domain/errors.ts';
import type { ProgressMessage } from '../../domain/progress.ts';
import { withSnakeKeys } from '../../domain/snake-keys.ts';
import type { RecordingEvent } from '../../ledger/events.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { STANDING_AFTER_MS } from '../../queue/progress.ts';
import type { Status, StatusView } from './status.ts';
import type { Steps } from './steps.ts';
import { viewEvent, viewRecording } from './views.ts';

/** How often the ledger is looked at for news, and the surroundings, while somebody listens, in milliseconds. */
const EVENTS_POLL_MS = 250;
const STATUS_POLL_MS = 1000;
const HEARTBEAT_MS = 15_000;

const BATCH = 200;

/** What a listener that comes back is told of the time in between; of more it has to read the whole state anew. */
const MAX_REPLAYED = 1000;

/**
 * What is kept for a listener that does not read, in bytes, besides one batch. Until it has read that it is told nothing
 * more; one that reads nothing from one heartbeat to the next is let go, and may come back.
 */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** Free space is told again when it has changed by so much, in bytes. */
const DISK_STEP_BYTES = 16 * 1024 * 1024;

/** How far the time that is left of the line may differ from what was told, in seconds, or as a share of it. */
const LEFT_STEP = { s: 10, share: 0.1 };

/** The part of the status that listeners are told of. */
type News = Omit<
  StatusView,
  'version' | 'now' | 'oldest_waiting_at' | 'moving' | 'uploads' | 'day' | 'circuits'
>;

/** Tells listeners what happens, in the form of server-sent events; all of them share one look at the ledger. */
export interface Live {
  /**
   * Makes an answer a stream of what happens from now on, or from after the event with this number. It ends as soon as
   * its listener may no longer stay, and nothing is told in between.
   *
   * @throws KnownError `TOO_MANY_LISTENERS`
   */
  attach(response: ServerResponse, afterSeq: number | undefined, mayStay?: () => boolean): Promise<void>;
  /** Tells how far the moving recording is; whoever comes later is told the last of it. */
  progress(message: ProgressMessage): void;
  /** The last that was told of this recording. */
  legsOf(recordingId: string): ProgressMessage['legs'] | undefined;
  /** Ends all streams. */
  stop(): void;
}

interface Client {
  readonly response: ServerResponse;
  readonly mayStay: () => boolean;
  /** The last event that it has been told of. */
  sentSeq: number;
  /** Whether it has not been told of the last change of the status. */
  isBehind: boolean;
  /** What was kept for it at the last heartbeat, if that was too much. */
  unreadBytes: number;
}

export function createLive(options: {
  readonly ledger: Pick<Ledger, 'history' | 'overview'>;
  readonly status: Pick<Status, 'surroundings'>;
  readonly steps: Steps;
  readonly log: Logger;
  readonly maxClients?: number;
  readonly heartbeatMs?: number;
}): Live {
  const { status, steps, log, maxClients = 50, heartbeatMs = HEARTBEAT_MS } = options;
  const { history, overview } = options.ledger;
  const clients = new Set<Client>();
  /** Answers that are, or are about to be, streams. */
  const streams = new Set<ServerResponse>();
  let timers: NodeJS.Timeout[] = [];
  let lastNews: Partial<News> = {};
  let lastProgress: { readonly message: ProgressMessage; readonly atMs: number } | undefined;
  let isStopped = false;

  const look = oneAtATime(async () => {
    dismiss();
    const reading = [...clients].filter(isReading);
    if (reading.length === 0) return;
    const events = await history.after(Math.min(...reading.map(({ sentSeq }) => sentSeq)), BATCH);
    if (events.length > 0) tellEvents(reading, await describe(events));
  });

  const lookAround = oneAtATime(async () => {
    const news = await readNews();
    const changed = Object.entries(news).filter(
      ([key, value]) => JSON.stringify(value) !== JSON.stringify(lastNews[key as keyof News]),
    );
    lastNews = news;
    dismiss();
    for (const client of clients) {
      const what = client.isBehind ? news : Object.fromEntries(changed);
      if (Object.keys(what).length === 0) continue;
      client.isBehind = !isReading(client);
      if (!client.isBehind) tell(client.response, message('status', what));
    }
  });

  /** Ends the streams of those who have logged out, or whose session is over. */
  function dismiss(): void {
    for (const { response, mayStay } of clients) if (!mayStay()) response.end();
  }

  const beat = () => {
    dismiss();
    for (const client of clients) {
      const { writableLength } = client.response;
      if (isReading(client)) {
        client.unreadBytes = 0;
        tell(client.response, ': still here\n\n');
      } else if (client.unreadBytes === 0 || writableLength < client.unreadBytes) {
        client.unreadBytes = writableLength;
      } else {
        log.warn({ event: 'listener.dropped' }, 'a listener does not read and was let go');
        client.response.destroy();
      }
    }
  };

  async function readNews(): Promise<News> {
    const { disk, line, ...news } = await status.surroundings();
    const before = lastNews.disk;
    const isSame = before !== undefined && Math.abs(before.free_bytes - disk.free_bytes) < DISK_STEP_BYTES;
    return {
      ...news,
      disk: isSame ? before : disk,
      line: isSameLeft(lastNews.line, line) ? lastNews.line : line,
      counts: await overview.counts(),
    };
  }

  /** Events as messages, with the recordings as they are now. */
  async function describe(events: readonly RecordingEvent[]): Promise<{ seq: number; text: string }[]> {
    const ids = [...new Set(events.map(({ recordingId }) => recordingId))];
    const views = new Map(
      await Promise.all(
        (await overview.summaries(ids)).map(
          async (summary) =>
            [
              summary.recording.id,
              { ...viewRecording(summary), steps: await steps.of(summary.recording) },
            ] as const,
        ),
      ),
    );
    return events.map((event) => {
      const recording = views.get(event.recordingId);
      const data = {
        ...viewEvent(event, recording?.steps ?? []),
        recording_id: event.recordingId,
        recording,
      };
      return { seq: event.seq, text: message('recording', data, event.seq) };
    });
  }

  function tellEvents(to: readonly Client[], messages: readonly { seq: number; text: string }[]): void {
    dismiss();
    for (const client of to) {
      for (const { seq, text } of messages) {
        if (seq <= client.sentSeq) continue;
        client.sentSeq = seq;
        tell(client.response, text);
      }
    }
  }

  function leave(response: ServerResponse, client: Client): void {
    streams.delete(response);
    clients.delete(client);
    if (clients.size > 0) return;
    for (const timer of timers) clearInterval(timer);
    timers = [];
  }

  function enter(client: Client): void {
    clients.add(client);
    if (timers.length > 0) return;
    const failed = (error: unknown) =>
      log.warn({ event: 'live.failed', err: error }, 'no look at the ledger');
    timers = [
      setInterval(() => look().catch(failed), EVENTS_POLL_MS),
      setInterval(() => lookAround().catch(failed), STATUS_POLL_MS),
      setInterval(beat, heartbeatMs),
    ];
  }

  /** Tells a listener that comes back what it has missed; returns the number from which it goes on. */
  async function catchUp(response: ServerResponse, afterSeq: number | undefined): Promise<number> {
    const currentSeq = await history.lastSeq();
    if (afterSeq === undefined) {
      tell(response, `id: ${currentSeq}\n\n`);
      return currentSeq;
    }
    const missed = await history.after(afterSeq, MAX_REPLAYED + 1);
    if (missed.length > MAX_REPLAYED || afterSeq > currentSeq) {
      tell(response, message('reset', {}, currentSeq));
      return currentSeq;
    }
    for (const { text } of await describe(missed)) tell(response, text);
    return missed.at(-1)?.seq ?? afterSeq;
  }

  /** Unless it has come to rest meanwhile. */
  async function tellLastProgress(response: ServerResponse): Promise<void> {
    if (lastProgress === undefined) return;
    const { message: last, atMs } = lastProgress;
    if ((await overview.moving())?.recording.id !== last.recordingId) return;
    tell(response, progressText(last, Math.floor((performance.now() - atMs) / 1000)));
  }

  return {
    async attach(response, afterSeq, mayStay = () => true) {
      if (isStopped || streams.size >= maxClients) {
        throw new KnownError(`${maxClients} callers are listening already`, { code: 'TOO_MANY_LISTENERS' });
      }
      streams.add(response);
      const client: Client = { response, mayStay, sentSeq: 0, isBehind: false, unreadBytes: 0 };
      response.on('close', () => leave(response, client));
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      });
      tell(response, 'retry: 2000\n\n');
      try {
        const news = await readNews();
        if (clients.size === 0) lastNews = news;
        tell(response, message('status', news));
        await tellLastProgress(response);
        client.sentSeq = await catchUp(response, afterSeq);
        if (streams.has(response)) enter(client);
      } catch (error) {
        log.error({ event: 'live.failed', err: error }, 'a listener could not be told');
        response.destroy();
      }
    },

    legsOf: (recordingId) =>
      lastProgress?.message.recordingId === recordingId ? lastProgress.message.legs : undefined,

    progress(told) {
      lastProgress = { message: told, atMs: performance.now() };
      if (clients.size === 0) return;
      const text = progressText(told, 0);
      dismiss();
      for (const client of clients) if (isReading(client)) tell(client.response, text);
    },

    stop() {
      isStopped = true;
      for (const response of streams) response.end();
    },
  };
}

/** Whether what is told of it can stay, though it is less with every second. */
function isSameLeft(told: News['line'] | undefined, now: News['line']): told is News['line'] {
  if (told === undefined) return false;
  if (told.left_s === null || now.left_s === null) {
    return told.left_s === now.left_s && told.left_bytes === now.left_bytes;
  }
  return Math.abs(told.left_s - now.left_s) < Math.max(LEFT_STEP.s, LEFT_STEP.share * told.left_s);
}

function isReading({ response }: Client): boolean {
  return response.writableLength <= MAX_BUFFERED_BYTES;
}

function tell(response: ServerResponse, text: string): void {
  if (!response.destroyed && !response.writableEnded) response.write(text);
}

function message(event: string, data: object, seq?: number): string {
  const id = seq === undefined ? '' : `id: ${seq}\n`;
  return `${id}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** @param ageS For how long nothing has been heard since. */
function progressText({ recordingId, legs }: ProgressMessage, ageS: number): string {
  const told = Object.entries(legs).map(([stage, leg]) => {
    const idleS = leg.idleS + ageS;
    const isStanding = idleS * 1000 >= STANDING_AFTER_MS;
    const seen = { ...leg, idleS: leg.leftS === 0 ? 0 : idleS, ...(isStanding ? { bytesPerS: 0 } : {}) };
    return [
      stage,
      { ...withSnakeKeys(seen), left_s: isStanding && leg.leftS !== 0 ? null : (leg.leftS ?? null) },
    ];
  });
  return message('progress', { recording_id: recordingId, legs: Object.fromEntries(told) });
}

/** Leaves out what is asked for while it is still being done. */
function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let isWorking = false;
  return async () => {
    if (isWorking) return;
    isWorking = true;
    try {
      await work();
    } finally {
      isWorking = false;
    }
  };
}
