import type { Logger } from 'pino';
import type { ProgressMessage } from '../domain/progress.ts';
import type { State } from '../domain/recording.ts';
import type { RecordingSummary } from '../domain/recording-summary.ts';
import type { RecordingEvent } from '../ledger/events.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { inWords, type ToldEvent } from './history.ts';
import type { LineLeft } from './line-left.ts';
import type { ProgressBoard } from './progress-board.ts';
import type { Status, Surroundings } from './status.ts';
import type { Step, Steps } from './steps.ts';
import type { Words } from './words.ts';

/** How often the ledger is looked at for news, and the surroundings, while somebody listens, in milliseconds. */
const EVENTS_POLL_MS = 250;
const STATUS_POLL_MS = 1000;

const BATCH = 200;

/** What a listener that comes back is told of the time in between; of more it has to read the whole state anew. */
const MAX_REPLAYED = 1000;

/** Free space is told again when it has changed by so much, in bytes. */
const DISK_STEP_BYTES = 16 * 1024 * 1024;

/** How far the time that is left of the line may differ from what was told, in seconds, or as a share of it. */
const LEFT_STEP = { s: 10, share: 0.1 };

/** What listeners are told of how things stand. */
export interface StandingNews extends Surroundings {
  readonly counts: Partial<Record<State, number>>;
}

/**
 * What listeners are told. All who hear of one thing are handed the same object.
 *
 * - `standing`: how things stand now; first of all, and whenever that has changed
 * - `progress`: how far a moving recording is
 * - `happened`: something has happened to a recording, which is as it is now
 * - `from`: all that it will hear comes after the event with this number
 * - `missed`: the same, and of what came before more was missed than is told again: the state is to be read anew
 */
export type News =
  | { readonly kind: 'standing'; readonly now: StandingNews }
  | { readonly kind: 'progress'; readonly message: ProgressMessage }
  | {
      readonly kind: 'happened';
      readonly event: ToldEvent;
      readonly recording: RecordingSummary | undefined;
      readonly steps: readonly Step[];
    }
  | { readonly kind: 'from' | 'missed'; readonly seq: number };

/** Somebody who is told what happens. */
export interface Listener {
  /** Whether it takes more now. Asked at each look; what happens meanwhile it is told later, and of progress only the last. */
  isReady(): boolean;
  tell(news: News): void;
}

/** Tells listeners what happens; all of them share one look at the ledger. */
export interface Live {
  /**
   * Tells a listener how things stand, and what has happened after the event with this number or else only what is to come.
   * Resolves with what ends that, once it has heard what it had missed.
   */
  follow(listener: Listener, afterSeq: number | undefined): Promise<() => void>;
}

interface Follower {
  readonly listener: Listener;
  /** The last event that it has been told of. */
  sentSeq: number;
  /** Whether it has not been told of the last change of how things stand. */
  isBehind: boolean;
}

export function createLive(options: {
  readonly ledger: Pick<Ledger, 'history' | 'overview'>;
  readonly status: Pick<Status, 'surroundings'>;
  readonly steps: Steps;
  readonly progress: Pick<ProgressBoard, 'all' | 'listen'>;
  readonly words: Pick<Words, 'events'>;
  readonly log: Logger;
}): Live {
  const { status, steps, progress, words, log } = options;
  const { history, overview } = options.ledger;
  const followers = new Set<Follower>();
  let timers: NodeJS.Timeout[] = [];
  let lastNews: StandingNews | undefined;

  const look = oneAtATime(async () => {
    const ready = [...followers].filter(({ listener }) => listener.isReady());
    if (ready.length === 0) return;
    const events = await history.after(Math.min(...ready.map(({ sentSeq }) => sentSeq)), BATCH);
    if (events.length === 0) return;
    const news = await describe(events);
    for (const follower of ready) {
      for (const each of news) {
        if (each.event.seq <= follower.sentSeq) continue;
        follower.sentSeq = each.event.seq;
        follower.listener.tell(each);
      }
    }
  });

  const lookAround = oneAtATime(async () => {
    const now = await readNews();
    const isChanged = JSON.stringify(now) !== JSON.stringify(lastNews);
    lastNews = now;
    const news = { kind: 'standing', now } as const;
    for (const follower of followers) {
      const isReady = follower.listener.isReady();
      if (!isChanged && !follower.isBehind) continue;
      follower.isBehind = !isReady;
      if (isReady) follower.listener.tell(news);
    }
  });

  async function readNews(): Promise<StandingNews> {
    const { disk, line, ...news } = await status.surroundings();
    const before = lastNews?.disk;
    const isSame = before !== undefined && Math.abs(before.freeBytes - disk.freeBytes) < DISK_STEP_BYTES;
    return {
      ...news,
      disk: isSame ? before : disk,
      line: isSameLeft(lastNews?.line, line) ? lastNews.line : line,
      counts: await overview.counts(),
    };
  }

  /** Events as news, with the recordings as they are now. */
  async function describe(events: readonly RecordingEvent[]) {
    const ids = [...new Set(events.map(({ recordingId }) => recordingId))];
    const known = new Map(
      await Promise.all(
        (await overview.summaries(ids)).map(
          async (recording) =>
            [recording.recording.id, { recording, steps: await steps.of(recording.recording) }] as const,
        ),
      ),
    );
    return events.map((event) => {
      const { recording, steps = [] } = known.get(event.recordingId) ?? {};
      return { kind: 'happened', event: inWords(event, steps, words), recording, steps } as const;
    });
  }

  progress.listen((message) => {
    const news = { kind: 'progress', message } as const;
    for (const { listener } of followers) if (listener.isReady()) listener.tell(news);
  });

  /** Tells a listener that comes back what it has missed; returns the number from which it goes on. */
  async function catchUp(listener: Listener, afterSeq: number | undefined): Promise<number> {
    const currentSeq = await history.lastSeq();
    if (afterSeq === undefined) {
      listener.tell({ kind: 'from', seq: currentSeq });
      return currentSeq;
    }
    const missed = await history.after(afterSeq, MAX_REPLAYED + 1);
    if (missed.length > MAX_REPLAYED || afterSeq > currentSeq) {
      listener.tell({ kind: 'missed', seq: currentSeq });
      return currentSeq;
    }
    for (const news of await describe(missed)) listener.tell(news);
    return missed.at(-1)?.seq ?? afterSeq;
  }

  /** Unless it has come to rest meanwhile. */
  async function tellLastProgress(listener: Listener): Promise<void> {
    const told = progress.all();
    if (told.length === 0) return;
    const known = await overview.summaries(told.map(({ recordingId }) => recordingId));
    const moving = known.filter(({ recording }) => recording.state === 'moving');
    for (const message of told) {
      const isMoving = moving.some(({ recording }) => recording.id === message.recordingId);
      if (isMoving) listener.tell({ kind: 'progress', message });
    }
  }

  function enter(follower: Follower): void {
    followers.add(follower);
    if (timers.length > 0) return;
    const failed = (error: unknown) =>
      log.warn({ event: 'live.failed', err: error }, 'no look at the ledger');
    timers = [
      setInterval(() => look().catch(failed), EVENTS_POLL_MS),
      setInterval(() => lookAround().catch(failed), STATUS_POLL_MS),
    ];
  }

  function leave(follower: Follower): void {
    followers.delete(follower);
    if (followers.size > 0) return;
    for (const timer of timers) clearInterval(timer);
    timers = [];
  }

  return {
    async follow(listener, afterSeq) {
      const now = await readNews();
      if (followers.size === 0) lastNews = now;
      listener.tell({ kind: 'standing', now });
      await tellLastProgress(listener);
      const follower = { listener, sentSeq: await catchUp(listener, afterSeq), isBehind: false };
      enter(follower);
      return () => leave(follower);
    },
  };
}

/** Whether what is told of it can stay, though it is less with every second. */
function isSameLeft(told: LineLeft | undefined, now: LineLeft): told is LineLeft {
  if (told === undefined) return false;
  if (told.leftS === undefined || now.leftS === undefined) {
    return told.leftS === now.leftS && told.leftBytes === now.leftBytes;
  }
  return Math.abs(told.leftS - now.leftS) < Math.max(LEFT_STEP.s, LEFT_STEP.share * told.leftS);
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
