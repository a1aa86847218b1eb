import { pause } from '../lib/abort.ts';
import type { Api } from './api.ts';
import type { StreamedEvent } from './event-stream.ts';
import { EXIT } from './exit-codes.ts';
import { Failure } from './failure.ts';

/** How long a lost connection is left alone, in milliseconds. */
const PAUSE_MS = 1000;

/** A message, or a word on the connection. */
export type Followed = StreamedEvent | 'connected' | 'lost';

/**
 * What happens, without end: a connection that is lost is made again, and goes on behind the last event that was heard.
 *
 * @throws Failure if the very first connection cannot be made, or whenever the server refuses one
 */
export async function* followEvents(api: Api, signal: AbortSignal): AsyncGenerator<Followed> {
  let lastId: string | undefined;
  let wasConnected = false;
  for (;;) {
    let isConnected = false;
    try {
      for await (const message of api.events(lastId, signal)) {
        lastId = message.id ?? lastId;
        if (!isConnected) yield 'connected';
        isConnected = true;
        wasConnected = true;
        yield message;
      }
    } catch (error) {
      const isAway = error instanceof Failure && error.exitCode === EXIT.unreachable;
      if (!isAway || !wasConnected) throw error;
    }
    yield 'lost';
    await pause(PAUSE_MS, signal);
  }
}
