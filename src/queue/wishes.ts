import type { Redis } from 'ioredis';
import { KEY_PREFIX } from './connection.ts';
import { subscribe } from './subscribe.ts';

/** Where it is said of which recording something was asked; nobody need listen, for the ledger says what. */
const WISHES_CHANNEL = `${KEY_PREFIX}:wishes`;

/** Says that something was asked of a recording; it never waits for Redis, and says nothing while that is away. */
export function createWishTeller(connection: Redis) {
  return (recordingId: string): void => {
    if (connection.status === 'ready') connection.publish(WISHES_CHANNEL, recordingId).catch(() => {});
  };
}

/** Rings for those who listen for a recording of which something was asked. */
export function listenForWishes(connection: Redis) {
  const listeners = new Map<string, Set<() => void>>();
  const { stop } = subscribe(connection, WISHES_CHANNEL, (recordingId) => {
    for (const onRung of listeners.get(recordingId) ?? []) onRung();
  });
  return {
    /** Returns what ends the listening. */
    listen(recordingId: string, onRung: () => void): () => void {
      const own = listeners.get(recordingId) ?? new Set();
      listeners.set(recordingId, own.add(onRung));
      return () => {
        own.delete(onRung);
        if (own.size === 0 && listeners.get(recordingId) === own) listeners.delete(recordingId);
      };
    },
    stop,
  };
}
