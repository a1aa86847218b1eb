import type { IncomingMessage, ServerResponse } from 'node:http';
import { EVENTS, Server, type Upload } from '@tus/server';
import type { Logger } from 'pino';
import { aceKey, recordingId } from '../domain/ids.ts';
import { RENEWABLE_STATES } from '../domain/recording.ts';
import type { Recordings } from '../ledger/recordings.ts';
import type { Finisher } from './finisher.ts';
import { answerFor, UploadRefused } from './refusal.ts';
import type { RequestBodies } from './request-bodies.ts';
import { readMetadata } from './upload-metadata.ts';
import { isUploadId, newUploadId } from './upload-paths.ts';
import type { UploadStore } from './upload-store.ts';
import { incomingOf, sendWebResponse, webRequest } from './web-request.ts';

export const TUS_PATH = '/tusupload';

export interface TusProtocolOptions {
  readonly store: UploadStore;
  readonly bodies: Pick<RequestBodies, 'lockerFor'>;
  readonly finisher: Pick<Finisher, 'finish' | 'finishLater'>;
  readonly maxBytes: number;
  readonly lockDrainTimeoutMs?: number;
  readonly recordings: Pick<Recordings, 'get'>;
  readonly log: Logger;
}

/** The tus library, set up: what it refuses, what it does at the end of an upload, and how it words its errors. */
export function createTusProtocol(
  options: TusProtocolOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { bodies, finisher, log } = options;
  const server = new Server({
    path: TUS_PATH,
    datastore: options.store,
    locker: (request) => bodies.lockerFor(incomingOf(request)),
    lockDrainTimeout: options.lockDrainTimeoutMs,
    maxSize: options.maxBytes,
    // A path is right whether the client came directly or through an https proxy that this server knows nothing of.
    relativeLocation: true,
    disableTerminationForFinishedUploads: true,
    // Named by clients that were told to add one to each request; Authorization is on the library's own list.
    allowedHeaders: ['X-Request-ID'],
    namingFunction: newUploadId,
    getFileIdFromRequest: (_request, lastPath = '') => {
      const id = lastPath.split('?')[0] ?? '';
      return isUploadId(id) ? id : undefined;
    },

    async onUploadCreate(_request, upload) {
      await assertWelcome(upload, options.recordings);
      return {};
    },

    // The lock is free again by now, and a request without bytes at the end comes here once more.
    async onUploadFinish(_request, upload) {
      try {
        await finisher.finish(upload.id);
      } catch (error) {
        // The client will ask for the offset, find that nothing is missing, and not come back.
        finisher.finishLater(upload.id);
        throw error;
      }
      return {};
    },

    onResponseError(request, error) {
      const { isUnforeseen, ...answer } = answerFor(error, request.method);
      const line = { method: request.method, status: answer.status_code };
      if (isUnforeseen) log.error({ event: 'upload.failed', ...line, err: error }, 'upload request failed');
      else log.debug({ event: 'upload.refused', ...line, answer: answer.body }, 'upload request refused');
      return answer;
    },
  });

  server.on(EVENTS.POST_CREATE, (_request, upload) => {
    const { aceId } = readMetadata(upload.metadata);
    log.info({ event: 'upload.created', uploadId: upload.id, aceId, bytes: upload.size }, 'upload created');
  });
  server.on(EVENTS.POST_TERMINATE, (_request, _response, uploadId) => {
    log.info({ event: 'upload.terminated', uploadId }, 'upload taken back');
  });
  return async (request, response) => {
    await sendWebResponse(response, await server.handleWeb(webRequest(request, response)));
  };
}

/** @throws UploadRefused */
async function assertWelcome(upload: Upload, recordings: Pick<Recordings, 'get'>): Promise<void> {
  const { aceId } = readMetadata(upload.metadata);
  if (upload.size === 0) throw new UploadRefused(400, 'FILE_EMPTY', 'The file has no bytes.');

  const known = await recordings.get(recordingId(aceKey(aceId)));
  if (known !== undefined && !RENEWABLE_STATES.includes(known.state)) {
    throw new UploadRefused(409, 'ACE_ID_TAKEN', 'The recording with this ace_id has arrived already.');
  }
}
