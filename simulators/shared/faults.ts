import type { IncomingHttpHeaders } from 'node:http';

/**
 * One misbehaviour, struck on the requests that match `on`. With several fields the fault does all of them.
 *
 * `on` is a method and a path, such as `POST /b2api/v3/b2_upload_part`; `*` stands for any run of characters in
 * either, and the query is not looked at.
 */
export interface Fault {
  readonly on: string;
  /** Strikes only requests whose headers of these names (in lower case) contain this. */
  readonly where?: Readonly<Record<string, string>>;
  /** How many matching requests it strikes; default 1. */
  readonly count?: number;
  /** How many matching requests pass unharmed first; default 0. */
  readonly skip?: number;
  /** The share of matching requests it strikes, 0 to 1; default 1. */
  readonly chance?: number;
  /** Answers this instead of handling the request. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /**
   * Resets the connection: before anything happened, while the request's body is read (after `cutAfterBytes`), or
   * after the request took effect and before its answer leaves ("done there, unknown here").
   */
  readonly drop?: 'before-handling' | 'during-body' | 'after-handling';
  /** With `drop: 'during-body'` bytes of the request, otherwise bytes of the answer's body, before the reset. */
  readonly cutAfterBytes?: number;
  /** Ends the answer's body in good order after so many bytes, without having said how long it would be. */
  readonly endAfterBytes?: number;
  /** Holds the answer back for this long. */
  readonly delayMs?: number;
  /**
   * Carries the request out only so much later than it has arrived, whether or not its client still waits. What the
   * client takes back before all of it has arrived (a reset, not a close) is not carried out.
   */
  readonly lateMs?: number;
  /** Reads the request and then says nothing at all, until the client gives up. */
  readonly stall?: boolean;
  /** Drips the bodies of this request at this speed. */
  readonly bytesPerSecond?: number;
}

/** Holds the faults asked for and deals them out, first come first struck. */
export interface FaultList {
  add(fault: Fault): void;
  clear(): void;
  /** The fault that strikes this request, if any; counts it. */
  strike(method: string, path: string, headers?: IncomingHttpHeaders): Fault | undefined;
  /** How many requests were struck so far. */
  readonly struck: number;
}

/** Creates an empty fault list. `random` decides about `chance`. */
export function createFaultList(random: () => number = Math.random): FaultList {
  let entries: { fault: Fault; pattern: RegExp; skip: number; left: number }[] = [];
  let struck = 0;

  return {
    add(fault) {
      entries.push({ fault, pattern: toPattern(fault.on), skip: fault.skip ?? 0, left: fault.count ?? 1 });
    },
    clear() {
      entries = [];
    },
    strike(method, path, headers = {}) {
      for (const entry of entries) {
        if (entry.left <= 0 || !entry.pattern.test(`${method} ${path}`)) continue;
        const where = Object.entries(entry.fault.where ?? {});
        if (!where.every(([name, text]) => String(headers[name]).includes(text))) continue;
        if (entry.skip > 0) {
          entry.skip -= 1;
          continue;
        }
        if (random() >= (entry.fault.chance ?? 1)) continue;
        entry.left -= 1;
        struck += 1;
        return entry.fault;
      }
      return undefined;
    },
    get struck() {
      return struck;
    },
  };
}

function toPattern(on: string): RegExp {
  const escaped = on.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*');
  return new RegExp(`^${escaped}$`);
}
