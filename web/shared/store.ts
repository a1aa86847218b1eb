import { useEffect, useState } from 'preact/hooks';

/** A value that changes, and those who want to know. */
export interface Store<T> {
  get(): T;
  set(change: Partial<T>): void;
  subscribe(listener: () => void): () => void;
}

export function createStore<T extends object>(first: T): Store<T> {
  const listeners = new Set<() => void>();
  let value = first;
  return {
    get: () => value,
    set(change) {
      value = { ...value, ...change };
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A part of a store's value, drawn anew when that part changes. */
export function useStore<T extends object, P>(store: Store<T>, pick: (value: T) => P): P {
  const [part, setPart] = useState(() => pick(store.get()));
  useEffect(() => {
    const look = () => setPart(() => pick(store.get()));
    look();
    return store.subscribe(look);
  }, [store]);
  return part;
}

/** Does it at once, and while it is asked for more often, no oftener than this. */
export function createThrottle(pauseMs: number, action: () => void): { ask(): void; stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isAsked = false;
  const act = () => {
    isAsked = false;
    action();
    timer = setTimeout(() => {
      timer = undefined;
      if (isAsked) act();
    }, pauseMs);
  };
  return {
    ask() {
      if (timer === undefined) act();
      else isAsked = true;
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
      isAsked = false;
    },
  };
}
