import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import type { Recording } from '../domain/recording.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { requireLocal } from './local-only.ts';

/** `GET /api/recordings` and `GET /api/recordings/{id}`: what the ledger knows, without its secrets. */
export function addRecordingsApi(
  app: FastifyInstance,
  ledger: Pick<Ledger, 'recordings' | 'deliveries'>,
): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  const { recordings, deliveries } = ledger;
  const limit = z.coerce.number().int().min(1).max(200).default(50);

  api.get(
    '/api/recordings',
    { onRequest: requireLocal, schema: { querystring: z.object({ limit }) } },
    async (request) => ({ recordings: (await recordings.newest(request.query.limit)).map(toView) }),
  );

  api.get(
    '/api/recordings/:id',
    { onRequest: requireLocal, schema: { params: z.object({ id: z.string() }) } },
    async (request) => {
      const { id } = request.params;
      const recording = await recordings.get(id);
      if (recording === undefined) throw new KnownError(`There is no recording ${id}`, { code: 'NOT_FOUND' });
      const { facts } = await recordings.progress(id);
      const sent = await deliveries.ofRecording(id);
      return {
        ...toView(recording),
        facts,
        stages: await recordings.stageTimes(id),
        events: (await recordings.events(id)).map(({ atMs, type, data }) => ({ at: iso(atMs), type, data })),
        deliveries: sent.map(({ id: deliveryId, type, state, attempts, lastError }) => ({
          id: deliveryId,
          type,
          state,
          attempts,
          last_error: lastError,
        })),
      };
    },
  );
}

/** A recording as callers see it. Where a download comes from stays inside: its address is half a secret. */
function toView(recording: Recording) {
  return {
    id: recording.id,
    source: recording.source,
    state: recording.state,
    title: recording.title,
    ace_id: recording.aceId,
    details: recording.details,
    failed_attempts: recording.failedAttempts,
    last_error: recording.lastError,
    not_before: recording.notBeforeMs === 0 ? null : iso(recording.notBeforeMs),
    accepted_at: iso(recording.acceptedAtMs),
    started_at: recording.startedAtMs === null ? null : iso(recording.startedAtMs),
    ended_at: recording.endedAtMs === null ? null : iso(recording.endedAtMs),
  };
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
