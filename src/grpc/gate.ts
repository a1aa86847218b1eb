import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import { createContextKey, type HandlerContext } from '@connectrpc/connect';
import type { Holder } from '../domain/access.ts';
import { KnownError } from '../domain/errors.ts';

/** A call before anybody knows whose it is. */
export interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;
  readonly httpVersion: string;
}

/** Whoever was let in. */
export interface Caller {
  readonly holder: Holder;
  /** Notes something that it does in the audit trail. @param subject What it is done to. */
  note(act: string, subject: string | undefined, outcome: 'done' | 'refused'): void;
}

/** Lets callers in, as all doors do. */
export interface Gate {
  /**
   * @param certified Whoever has presented a certificate that was asked for.
   * @throws KnownError `LOGIN_REQUIRED`, `NOT_LOCAL`, `CROSS_SITE`, `TOO_MANY_REQUESTS`
   */
  admit(call: Call, certified?: Holder): Caller;
}

/** Finds out whose a call is, and what else is known of its connection. */
export interface Visit {
  admit(): Caller;
  /** Ends the call without another word, by a code that says that its reader is too slow. */
  letGo(): void;
}

export const visitKey = createContextKey<Visit | undefined>(undefined, { description: 'whose a call is' });

/** @throws KnownError what `Gate.admit` throws */
export function requireCaller({ values }: Pick<HandlerContext, 'values'>): Caller {
  const visit = values.get(visitKey);
  if (visit === undefined) throw new Error('a call without a visitor');
  return visit.admit();
}

/** The same of what does more than read. @throws KnownError also `READ_ONLY` */
export function requireOperator(context: Pick<HandlerContext, 'values'>): Caller {
  const caller = requireCaller(context);
  const { name, role } = caller.holder;
  if (role === 'operator') return caller;
  throw new KnownError(`${name} may look at everything and change nothing`, { code: 'READ_ONLY' });
}
