import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { Ledger } from '../ledger/ledger.ts';
import type { Intake } from '../queue/intake.ts';
import { addFileDoors } from './file-doors.ts';
import { addHealth } from './health.ts';
import { answerProblems } from './problem.ts';
import { addRecordingsApi } from './recordings-api.ts';
import { addZoomDoor } from './zoom-door.ts';

export interface AppOptions {
  readonly ledger: Pick<Ledger, 'recordings' | 'deliveries'>;
  readonly intake: Intake;
  readonly zoom: { readonly secretToken: string; readonly toleranceS: number };
  readonly isRedisReady: () => boolean;
  readonly log: Logger;
}

/** The pipeline server, not yet listening: doors that translate and hold no state. */
export function createApp(options: AppOptions): FastifyInstance {
  const { ledger, intake, log } = options;
  const app = fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 64 * 1024,
    // Slow senders of headers or bodies do not hold a connection for ever.
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    forceCloseConnections: true,
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  answerProblems(app);

  app.addHook('onResponse', async (request, reply) => {
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    const path = request.url.split('?')[0];
    request.log.debug(
      { event: 'request.done', method: request.method, path, status: reply.statusCode, ms },
      'request',
    );
  });

  addZoomDoor(app, { intake, ...options.zoom });
  addFileDoors(app, { intake, recordings: ledger.recordings });
  addRecordingsApi(app, ledger);
  addHealth(app, {
    isLedgerReady: async () => {
      await ledger.recordings.newest(1);
      return true;
    },
    isRedisReady: options.isRedisReady,
  });
  return app;
}
