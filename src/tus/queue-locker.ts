import { ERRORS, type Lock, type Locker, type RequestRelease } from '@tus/server';

/** How long a request waits for an upload that another one holds, in milliseconds. */
const LOCK_TIMEOUT_MS = 30_000;

interface Turn {
  readonly requestRelease: RequestRelease;
  readonly begin: () => void;
}

export interface QueueLocker extends Locker {
  /** Resolves once nobody holds or waits for anything. */
  idle(): Promise<void>;
}

/**
 * Locks within this process: one holder per upload, the others wait in the order in which they came, without using
 * the processor. A holder is asked to let go as soon as someone waits.
 */
export function createQueueLocker({ timeoutMs = LOCK_TIMEOUT_MS } = {}): QueueLocker {
  /** Per upload the holder, and behind it who waits. */
  const lines = new Map<string, Turn[]>();
  let onIdle: (() => void)[] = [];

  function askHolder([holder, ...waiting]: readonly Turn[]): void {
    if (holder !== undefined && waiting.length > 0) void holder.requestRelease();
  }

  function leave(id: string, turn: Turn): void {
    const line = lines.get(id);
    const position = line?.indexOf(turn) ?? -1;
    if (line === undefined || position < 0) return;
    line.splice(position, 1);
    if (line.length === 0) lines.delete(id);
    if (lines.size === 0) {
      for (const resolve of onIdle) resolve();
      onIdle = [];
    }
    if (position > 0) return;
    line[0]?.begin();
    askHolder(line);
  }

  function waitInLine(id: string, signal: AbortSignal, requestRelease: RequestRelease): Promise<Turn> {
    return new Promise((resolve, reject) => {
      const turn: Turn = {
        requestRelease,
        begin() {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          resolve(turn);
        },
      };
      const giveUp = (reason: unknown) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        leave(id, turn);
        reject(reason);
      };
      const onAbort = () => giveUp(ERRORS.ABORTED);
      const timer = setTimeout(() => giveUp(ERRORS.ERR_LOCK_TIMEOUT), timeoutMs);
      signal.addEventListener('abort', onAbort);

      const line = lines.get(id) ?? [];
      line.push(turn);
      lines.set(id, line);
      if (line.length === 1) turn.begin();
      else askHolder(line);
    });
  }

  return {
    async idle() {
      if (lines.size > 0) await new Promise<void>((resolve) => onIdle.push(resolve));
    },

    newLock(id): Lock {
      let turn: Turn | undefined;
      return {
        async lock(signal, requestRelease) {
          if (signal.aborted) throw ERRORS.ABORTED;
          turn = await waitInLine(id, signal, requestRelease);
        },
        async unlock() {
          if (turn !== undefined) leave(id, turn);
          turn = undefined;
        },
      };
    },
  };
}
