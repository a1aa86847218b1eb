import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { AccessRecords } from '../../desk/access-records.ts';
import type { Act, Holder } from '../../domain/access.ts';
import { operationOf } from '../operation-id.ts';
import { callerOf, type Visitor } from './local-only.ts';
import { isRead, sessionLabelOf } from './operators.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How the audit trail tells of it: by default one by one; what programs ask for by the thousand is counted. */
    audit?: 'counted';
  }
}

/** What the audit trail is told of a request, beyond where it came from. */
export interface Told extends Pick<Act, 'act' | 'outcome'> {
  readonly holder?: Holder | undefined;
  readonly way?: Act['way'];
  readonly session?: string | undefined;
  readonly subject?: string | undefined;
  readonly status?: number;
  readonly isCounted?: boolean;
}

/** Keeps the audit trail. */
export interface Acts {
  /** Resolves once it is kept; that it cannot be is a line of the log and stops nobody. */
  note(request: Pick<Visitor, 'socket' | 'headers'>, told: Told): Promise<void>;
  /** Waits for what is still being written. */
  settle(): Promise<void>;
}

export function createActs({ audit, log }: { audit: AccessRecords['audit']; log: Logger }): Acts {
  const writing = new Set<Promise<void>>();

  return {
    async note(request, { holder, way = null, session, subject, status, ...told }) {
      const written = audit
        .add({
          who: holder?.name ?? null,
          role: holder?.role ?? null,
          way,
          session: session ?? null,
          caller: callerOf(request),
          subject: subject ?? null,
          status: status ?? null,
          ...told,
        })
        .catch((error: unknown) => {
          log.error({ event: 'audit.unwritten', act: told.act, err: error }, 'the audit trail has a gap');
        });
      writing.add(written);
      await written;
      writing.delete(written);
    },
    settle: async () => void (await Promise.all(writing)),
  };
}

/**
 * Notes all that whoever was let in asks for and that does more than read: in the audit trail, before it is answered, and
 * in the log. A route has to do nothing for that.
 */
export function followActs(app: FastifyInstance, acts: Acts): void {
  app.addHook('onSend', async (request, reply) => {
    const { pass } = request;
    if (pass === null || isRead(request) || request.isReading) return;
    const { statusCode: status } = reply;
    const outcome = status < 400 ? 'done' : 'refused';
    const isCounted = request.routeOptions.config.audit === 'counted';
    const noted = acts.note(request, {
      act: request.act ?? operationOf(request),
      outcome,
      holder: pass.holder,
      way: pass.way,
      session: sessionLabelOf(request),
      subject: subjectOf(request),
      status,
      isCounted,
    });
    // Of what is only counted nobody has to wait for the number.
    if (outcome === 'done' && !isCounted) await noted;
  });

  app.addHook('onResponse', async (request, reply) => {
    const { pass } = request;
    if (pass === null || isRead(request) || request.isReading) return;
    const { method } = request;
    request.log.info(
      {
        event: 'operator.acted',
        method,
        path: request.url.split('?')[0],
        status: reply.statusCode,
        who: pass.holder.name,
        role: pass.holder.role,
        by: pass.way,
        session: sessionLabelOf(request),
        caller: callerOf(request),
      },
      'an operator has asked for something',
    );
  });

  app.addHook('onClose', () => acts.settle());
}

/** What a path names, shortened to what an id or a name may be. */
function subjectOf({ params, subject }: FastifyRequest): string | undefined {
  if (subject !== null) return subject;
  const named = Object.values(params ?? {}).filter((each) => typeof each === 'string' && each !== '');
  return named.length === 0 ? undefined : named.join(' ').slice(0, 200);
}
