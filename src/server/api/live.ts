import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Live as DeskLive, Listener, News } from '../../desk/live.ts';
import { KnownError } from '../../domain/errors.ts';
import { withSnakeKeys } from '../../domain/snake-keys.ts';
import { type StandingNewsView, viewStandingNews } from './status.ts';
import { viewEvent, viewRecording, viewStep } from './views.ts';

const HEARTBEAT_MS = 15_000;

/**
 * What is kept for a listener that does not read, in bytes, besides one batch. Until it has read that it is told nothing
 * more; one that reads nothing from one heartbeat to the next is let go, and may come back.
 */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** Tells listeners what happens, in the form of server-sent events. */
export interface Live {
  /**
   * Makes an answer a stream of what happens from now on, or from after the event with this number. It ends as soon as
   * its listener may no longer stay, and nothing is told in between.
   *
   * @throws KnownError `TOO_MANY_LISTENERS`
   */
  attach(response: ServerResponse, afterSeq: number | undefined, mayStay?: () => boolean): Promise<void>;
  /** Ends all streams. */
  stop(): void;
}

export function createLive(options: {
  readonly news: DeskLive;
  readonly log: Logger;
  readonly maxClients?: number;
  readonly heartbeatMs?: number;
}): Live {
  const { news, log, maxClients = 50, heartbeatMs = HEARTBEAT_MS } = options;
  const texts = createTexts();
  /** Answers that are, or are about to be, streams. */
  const streams = new Set<ServerResponse>();
  let isStopped = false;

  return {
    async attach(response, afterSeq, mayStay = () => true) {
      if (isStopped || streams.size >= maxClients) {
        throw new KnownError(`${maxClients} callers are listening already`, { code: 'TOO_MANY_LISTENERS' });
      }
      streams.add(response);
      let leave = () => {};
      response.on('close', () => {
        streams.delete(response);
        leave();
      });
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store, no-transform',
        'x-accel-buffering': 'no',
      });
      write(response, 'retry: 2000\n\n');
      try {
        const stop = await news.follow(listenerOf(response, mayStay, texts), afterSeq);
        if (!streams.has(response)) return stop();
        const stopBeating = beat(response, mayStay, { log, heartbeatMs });
        leave = () => {
          stop();
          stopBeating();
        };
      } catch (error) {
        log.error({ event: 'live.failed', err: error }, 'a listener could not be told');
        response.destroy();
      }
    },

    stop() {
      isStopped = true;
      for (const response of streams) response.end();
    },
  };
}

/** Whoever reads an answer that is a stream, as long as they may. */
function listenerOf(response: ServerResponse, mayStay: () => boolean, texts: Texts): Listener {
  let told: StandingNewsView | undefined;
  return {
    isReady() {
      if (!mayStay()) response.end();
      return isReading(response);
    },
    tell(news) {
      if (!mayStay()) return void response.end();
      if (news.kind !== 'standing') return write(response, texts.of(news));
      const now = texts.standing(news);
      const changed = Object.entries(now).filter(
        ([key, value]) => JSON.stringify(value) !== JSON.stringify(told?.[key as keyof StandingNewsView]),
      );
      told = now;
      if (changed.length > 0) write(response, message('status', Object.fromEntries(changed)));
    },
  };
}

/** Lets a listener know that the stream is still there, and one that reads nothing go; returns what ends that. */
function beat(
  response: ServerResponse,
  mayStay: () => boolean,
  { log, heartbeatMs }: { readonly log: Logger; readonly heartbeatMs: number },
): () => void {
  /** What was kept for it at the last heartbeat, if that was too much. */
  let unreadBytes = 0;
  const timer = setInterval(() => {
    const { writableLength } = response;
    if (!mayStay()) response.end();
    if (isReading(response)) {
      unreadBytes = 0;
      write(response, ': still here\n\n');
    } else if (unreadBytes === 0 || writableLength < unreadBytes) {
      unreadBytes = writableLength;
    } else {
      log.warn({ event: 'listener.dropped' }, 'a listener does not read and was let go');
      response.destroy();
    }
  }, heartbeatMs);
  return () => clearInterval(timer);
}

function isReading(response: ServerResponse): boolean {
  return response.writableLength <= MAX_BUFFERED_BYTES;
}

function write(response: ServerResponse, text: string): void {
  if (!response.destroyed && !response.writableEnded) response.write(text);
}

/** News as they are written; those that many listeners are told are put into words once. */
type Texts = ReturnType<typeof createTexts>;
type Standing = Extract<News, { kind: 'standing' }>;

function createTexts() {
  const texts = new WeakMap<News, string>();
  const standings = new WeakMap<News, StandingNewsView>();
  return {
    of(news: Exclude<News, Standing>): string {
      const text = texts.get(news) ?? textOf(news);
      texts.set(news, text);
      return text;
    },
    standing(news: Standing): StandingNewsView {
      const view = standings.get(news) ?? viewStandingNews(news.now);
      standings.set(news, view);
      return view;
    },
  };
}

function textOf(news: Exclude<News, Standing>): string {
  switch (news.kind) {
    case 'progress': {
      const { recordingId, legs, encodings } = news.message;
      return message('progress', {
        recording_id: recordingId,
        legs: viewPaces(legs),
        encodings: viewPaces(encodings),
      });
    }
    case 'happened': {
      const { event, recording, steps } = news;
      const view = recording && { ...viewRecording(recording), steps: steps.map(viewStep) };
      const data = { ...viewEvent(event), recording_id: event.recordingId, recording: view };
      return message('recording', data, event.seq);
    }
    case 'from':
      return `id: ${news.seq}\n\n`;
    case 'missed':
      return message('reset', {}, news.seq);
  }
}

function viewPaces(paces: Readonly<Record<string, { readonly leftS: number | undefined }>>) {
  return Object.fromEntries(
    Object.entries(paces).map(([stage, pace]) => [
      stage,
      { ...withSnakeKeys(pace), left_s: pace.leftS ?? null },
    ]),
  );
}

function message(event: string, data: object, seq?: number): string {
  const id = seq === undefined ? '' : `id: ${seq}\n`;
  return `${id}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
