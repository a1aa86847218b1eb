import { useEffect, useRef, useState } from 'preact/hooks';
import { createThrottle } from '../shared/store.ts';
import { ApiProblem } from './api.ts';
import type { Live } from './live.ts';
import type { RecordingNews } from './types.ts';

/** The shortest pause between two readings because of news, in milliseconds. */
const PAUSE_MS = 500;

/** Something read from the server: what was read last stays while it is read anew. */
export interface Resource<T> {
  readonly data: T | undefined;
  readonly problem: ApiProblem | undefined;
  reload(): void;
  /** Changes what was read, until it is read anew. */
  patch(change: (data: T) => T): void;
}

/**
 * Reads something, and again whenever there are news that concern it.
 *
 * @param key What is read; another key forgets what was read before
 */
export function useResource<T>(options: {
  key: string;
  load: (signal: AbortSignal) => Promise<T>;
  live: Live;
  onNews: (news: RecordingNews, patch: (change: (data: T) => T) => void) => boolean;
  /** How often it is read without news, in milliseconds: what waits for a time changes without a word. */
  everyMs?: number;
}): Resource<T> {
  const { key, live, everyMs } = options;
  const latest = useRef(options);
  latest.current = options;
  const [read, setRead] = useState<{ key: string; data?: T; problem?: ApiProblem }>({ key });
  const ask = useRef(() => {});
  const patch = (change: (data: T) => T) =>
    setRead((now) => (now.data === undefined ? now : { ...now, data: change(now.data) }));

  useEffect(() => {
    const ending = new AbortController();
    let lastAsked = 0;
    let lastRead = 0;
    const throttle = createThrottle(PAUSE_MS, () => {
      lastAsked += 1;
      const number = lastAsked;
      // An answer that was overtaken by a later one is old.
      const isWanted = () => {
        if (ending.signal.aborted || number < lastRead) return false;
        lastRead = number;
        return true;
      };
      latest.current.load(ending.signal).then(
        (data) => isWanted() && setRead({ key, data }),
        (error: unknown) => {
          if (!isWanted()) return;
          const problem = error instanceof ApiProblem ? error : new ApiProblem(0, 'BUG', String(error), '');
          setRead((now) => (now.key === key ? { ...now, problem } : { key, problem }));
        },
      );
    });
    ask.current = throttle.ask;
    throttle.ask();
    const stop = live.onNews((news) => {
      if (news === undefined || latest.current.onNews(news, patch)) throttle.ask();
    });
    const timer =
      everyMs === undefined
        ? undefined
        : setInterval(() => document.visibilityState === 'visible' && throttle.ask(), everyMs);
    return () => {
      clearInterval(timer);
      ending.abort();
      throttle.stop();
      stop();
    };
  }, [key, live, everyMs]);

  const isCurrent = read.key === key;
  return {
    data: isCurrent ? read.data : undefined,
    problem: isCurrent ? read.problem : undefined,
    reload: () => ask.current(),
    patch,
  };
}
