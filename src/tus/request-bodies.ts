import type { IncomingMessage } from 'node:http';
import type { Lock, Locker } from '@tus/server';

/** The body of a request that holds the lock of an upload. */
export interface RequestBody {
  readonly request: IncomingMessage;
  /** Aborted when no more of the body is to be taken: the connection broke, or another request has waited long enough. */
  readonly stopSignal: AbortSignal;
}

/** The bodies that may be written at this moment, by upload. */
export interface RequestBodies {
  /** A locker for one request: while it holds an upload's lock, its body is that upload's. */
  lockerFor(request: IncomingMessage): Locker;
  of(uploadId: string): RequestBody | undefined;
}

/**
 * Lets the store take bytes from the connection. What the library would hand it has been copied, and has passed one
 * stream after the other.
 */
export function createRequestBodies(locker: Locker): RequestBodies {
  const bodies = new Map<string, RequestBody>();
  return {
    of: (uploadId) => bodies.get(uploadId),

    lockerFor: (request) => ({
      newLock(uploadId): Lock {
        const lock = locker.newLock(uploadId);
        return {
          async lock(signal, requestRelease) {
            await lock.lock(signal, requestRelease);
            bodies.set(uploadId, { request, stopSignal: signal });
          },
          async unlock() {
            bodies.delete(uploadId);
            await lock.unlock();
          },
        };
      },
    }),
  };
}
