import type { Redis } from 'ioredis';

/** Hears, over a connection of its own, what is said in a channel; Redis may come and go meanwhile. */
export function subscribe(
  connection: Redis,
  channel: string,
  heard: (text: string) => void,
): { stop(): void } {
  const subscriber = connection.duplicate();
  // The other connection says that Redis is away.
  subscriber.on('error', () => {});
  subscriber.on('message', (_channel: string, text: string) => heard(text));
  subscriber.subscribe(channel).catch(() => {});
  return { stop: () => subscriber.disconnect() };
}
