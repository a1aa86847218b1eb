import type { FastifyBaseLogger } from 'fastify';
import type { Act, Holder } from '../../domain/access.ts';
import type { Acts } from './acts.ts';
import type { Visitor } from './local-only.ts';
import { type Operators, sessionToken } from './operators.ts';
import { labelOf } from './sessions.ts';

/** Lets callers of other doors in, by the same tokens, sessions and rules, and keeps the audit trail of what they do. */
export interface Doorkeeper {
  /**
   * @param call Of HTTP of whatever version; what it carries in its headers is read as that of any request.
   * @param certified Whoever has presented a certificate that this door has asked for.
   * @throws KnownError `LOGIN_REQUIRED`, `NOT_LOCAL`, `CROSS_SITE`, `TOO_MANY_REQUESTS`
   */
  admit(
    call: Pick<Visitor, 'headers' | 'socket'> & { readonly httpVersion: string },
    certified?: Holder,
  ): {
    readonly holder: Holder;
    note(act: string, subject: string | undefined, outcome: Act['outcome']): void;
  };
}

export function createDoorkeeper({
  operators,
  acts,
  log,
}: {
  readonly operators: Pick<Operators, 'letIn'>;
  readonly acts: Pick<Acts, 'note'>;
  readonly log: FastifyBaseLogger;
}): Doorkeeper {
  return {
    admit({ headers, socket, httpVersion }, certified) {
      // A browser sends its cookie by itself, so what is asked for counts as more than reading.
      const visitor = { headers, socket, raw: { httpVersion }, method: 'POST', log };
      const { holder, way } =
        certified === undefined
          ? operators.letIn(visitor)
          : { holder: certified, way: 'certificate' as const };
      const session = way === 'session' ? labelOf(sessionToken({ headers })) : undefined;
      return {
        holder,
        note(act, subject, outcome) {
          void acts.note(visitor, { act, subject, outcome, holder, way, session, isCounted: true });
        },
      };
    },
  };
}
