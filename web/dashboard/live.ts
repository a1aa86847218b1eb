import { createStore, createThrottle, type Store } from '../shared/store.ts';
import { ApiProblem, getJson } from './api.ts';
import type { MovingView, Progress, RecordingNews, StatusView } from './types.ts';

/** How long a page that nobody sees stays connected, in milliseconds. */
const HIDDEN_MS = 60_000;

/** A break that is over before this is not worth a word, in milliseconds. */
const SHORT_BREAK_MS = 1500;

const RECONNECT_MS = { first: 1000, max: 15_000 };

export interface LiveState {
  readonly connection: 'connecting' | 'online' | 'offline';
  readonly status: StatusView | undefined;
  /** Of the recordings that move, by their ids. */
  readonly progress: Readonly<Record<string, Progress>>;
}

/** What happens on the server, as it happens. */
export interface Live {
  readonly state: Store<LiveState>;
  start(): void;
  /** Tries at once, for somebody who does not want to wait. */
  reconnect(): void;
  /** Hears of what happens to recordings; `undefined` says that anything may have happened meanwhile. */
  onNews(listener: (news: RecordingNews | undefined) => void): () => void;
  refresh(): void;
}

export function createLive(): Live {
  const state = createStore<LiveState>({ connection: 'connecting', status: undefined, progress: {} });
  const listeners = new Set<(news: RecordingNews | undefined) => void>();
  let source: EventSource | undefined;
  let lastEventId = '';
  let hasOpened = false;
  let pauseMs = RECONNECT_MS.first;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let breakTimer: ReturnType<typeof setTimeout> | undefined;
  let hiddenTimer: ReturnType<typeof setTimeout> | undefined;

  /** Whether the status is being read, and whether something was heard meanwhile that the answer may not know of. */
  let isReading = false;
  let isOld = false;

  const status = createThrottle(1000, () => {
    if (isReading) {
      isOld = true;
      return;
    }
    isReading = true;
    isOld = false;
    getJson<StatusView>('/api/status')
      .then(
        (read) => state.set({ status: read }),
        (error: unknown) => {
          if (error instanceof ApiProblem && error.code === 'OFFLINE') lost();
        },
      )
      .finally(() => {
        isReading = false;
        if (isOld) status.ask();
      });
  });

  function tell(news: RecordingNews | undefined): void {
    for (const listener of listeners) listener(news);
  }

  function lost(): void {
    breakTimer ??= setTimeout(() => state.set({ connection: 'offline' }), SHORT_BREAK_MS);
  }

  function found(): void {
    clearTimeout(breakTimer);
    breakTimer = undefined;
    pauseMs = RECONNECT_MS.first;
    const hasMissed = hasOpened && (state.get().connection === 'offline' || lastEventId === '');
    hasOpened = true;
    state.set({ connection: 'online' });
    status.ask();
    if (hasMissed) tell(undefined);
  }

  function connect(): void {
    disconnect();
    const from = lastEventId === '' ? '' : `?last_event_id=${encodeURIComponent(lastEventId)}`;
    const opened = new EventSource(`/api/events${from}`);
    source = opened;
    opened.onopen = found;
    opened.onerror = () => {
      lost();
      if (opened.readyState !== EventSource.CLOSED) return;
      // The browser has given up: the server has answered with a refusal, which the status will name.
      status.ask();
      retryTimer = setTimeout(connect, pauseMs);
      pauseMs = Math.min(pauseMs * 2, RECONNECT_MS.max);
    };
    opened.addEventListener('recording', (event) => {
      lastEventId = event.lastEventId;
      heardOf(JSON.parse(event.data));
    });
    opened.addEventListener('progress', (event) => {
      const told: Progress = JSON.parse(event.data);
      state.set({ progress: { ...state.get().progress, [told.recording_id]: told } });
    });
    opened.addEventListener('status', (event) => {
      const known = state.get().status;
      if (known === undefined) status.ask();
      else state.set({ status: { ...known, ...JSON.parse(event.data) } });
      isOld ||= isReading;
    });
    opened.addEventListener('reset', (event) => {
      lastEventId = event.lastEventId;
      status.ask();
      tell(undefined);
    });
  }

  function disconnect(): void {
    clearTimeout(retryTimer);
    source?.close();
    source = undefined;
  }

  function heardOf(news: RecordingNews): void {
    const { recording } = news;
    const known = state.get().status;
    if (recording !== undefined && known !== undefined) {
      const moving = movingAfter(known.moving, recording);
      if (moving !== known.moving) state.set({ status: { ...known, moving } });
    }
    const isOver = recording !== undefined && recording.state !== 'moving';
    if (news.type === 'attempt.started' || isOver) {
      const { [news.recording_id]: _, ...others } = state.get().progress;
      state.set({ progress: others });
    }
    status.ask();
    tell(news);
  }

  return {
    state,
    reconnect: connect,
    refresh: () => status.ask(),
    onNews(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    start() {
      status.ask();
      connect();
      addEventListener('online', connect);
      addEventListener('offline', lost);
      document.addEventListener('visibilitychange', () => {
        clearTimeout(hiddenTimer);
        if (document.visibilityState === 'hidden') hiddenTimer = setTimeout(disconnect, HIDDEN_MS);
        else if (source === undefined) connect();
      });
    },
  };
}

function movingAfter(moving: MovingView | null, recording: MovingView): MovingView | null {
  if (recording.state === 'moving') return recording;
  return moving?.id === recording.id ? null : moving;
}
