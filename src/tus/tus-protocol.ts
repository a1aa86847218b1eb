import type { IncomingMessage, ServerResponse } from 'node:http';
import { EVENTS, Server, type Upload } from '@tus/server';
import type { Logger } from 'pino';
import type { UploadDesk } from '../desk/uploads.ts';
import { sendAnswer } from './answer.ts';
import { clientAddress } from './client-address.ts';
import type { Finisher } from './finisher.ts';
import type { GuardedUploadStore } from './guarded-upload-store.ts';
import { answerFor, UploadRefused } from './refusal.ts';
import type { RequestBodies } from './request-bodies.ts';
import { readSidecar } from './sidecar.ts';
import { readMetadata } from './upload-metadata.ts';
import { isUploadId, newUploadId, type UploadPaths } from './upload-paths.ts';
import type { UploadPermission } from './upload-permission.ts';
import { incomingOf, webRequest } from './web-request.ts';

export const TUS_PATH = '/tusupload';

/** Room for a long title, a long name and a token, in characters. */
const MAX_METADATA_LENGTH = 12_000;

/** Refusals that an operator may want to see without looking for each request. */
const NOTABLE_STATUSES: ReadonlySet<number> = new Set([401, 403, 415, 429]);

export interface TusProtocolOptions {
  readonly store: GuardedUploadStore;
  readonly paths: UploadPaths;
  readonly permission: UploadPermission;
  /** Whether a proxy on this machine tells the client's address. */
  readonly trustsProxy: boolean;
  readonly bodies: Pick<RequestBodies, 'lockerFor'>;
  readonly finisher: Pick<Finisher, 'finish' | 'finishLater'>;
  readonly maxBytes: number;
  readonly lockDrainTimeoutMs?: number;
  readonly desk: Pick<UploadDesk, 'isTaken'>;
  /** The names of the recipes that there are; unset: whatever is named is handed on. */
  readonly recipes?: readonly string[] | undefined;
  /** The name of this host; unset: there is one alone. */
  readonly host?: string | undefined;
  readonly log: Logger;
}

/**
 * The tus library, set up: what it refuses, what it does at the end of an upload, and how it words its errors. Answers a
 * request, and returns the code of a refusal.
 */
export function createTusProtocol(
  options: TusProtocolOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<string | undefined> {
  const { bodies, finisher, permission, store, paths, log } = options;
  const server = new Server({
    path: TUS_PATH,
    datastore: store,
    locker: (request) => bodies.lockerFor(incomingOf(request)),
    lockDrainTimeout: options.lockDrainTimeoutMs,
    maxSize: options.maxBytes,
    // A path is right whether the client came directly or through an https proxy that this server knows nothing of.
    relativeLocation: true,
    disableTerminationForFinishedUploads: true,
    namingFunction: () => newUploadId(options.host),
    getFileIdFromRequest: (_request, lastPath = '') => {
      const id = lastPath.split('?')[0] ?? '';
      return isUploadId(id) ? id : undefined;
    },

    // Creations are looked at below, once their metadata is known.
    async onIncomingRequest(request, id) {
      if (request.method === 'POST') return;
      await permission.goOn(request.headers.get('authorization'), await readSidecar(paths.sidecar(id)));
    },

    async onUploadCreate(request, upload) {
      requireShortMetadata(request.headers.get('upload-metadata'));
      const { metadata, permit } = await permission.begin({
        authorization: request.headers.get('authorization'),
        metadata: upload.metadata,
        bytes: upload.size ?? 0,
      });
      const { aceId, recipe } = readMetadata(metadata);
      requireRecipe(recipe, options.recipes);
      await assertWelcome(aceId, upload, options.desk);
      const address = clientAddress(incomingOf(request), options.trustsProxy);
      store.announce(upload, { permit, aceId, address });
      return { metadata: { ...metadata } };
    },

    // The lock is free again by now, and a request without bytes at the end comes here once more.
    async onUploadFinish(_request, upload) {
      try {
        await finisher.finish(upload.id);
      } catch (error) {
        if (error instanceof UploadRefused) throw error;
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
      else {
        const level = NOTABLE_STATUSES.has(answer.status_code) ? 'info' : 'debug';
        log[level]({ event: 'upload.refused', ...line, answer: answer.body }, 'upload request refused');
      }
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
    return await sendAnswer(request, response, await server.handleWeb(webRequest(request, response)));
  };
}

/** @throws UploadRefused */
function requireRecipe(name: string | undefined, known: readonly string[] | undefined): void {
  if (name === undefined || known === undefined || known.includes(name)) return;
  throw new UploadRefused(400, 'RECIPE_UNKNOWN', `There is no recipe "${name}".`);
}

/** @throws UploadRefused */
function requireShortMetadata(header: string | null): void {
  if ((header?.length ?? 0) <= MAX_METADATA_LENGTH) return;
  throw new UploadRefused(
    400,
    'REQUEST_INVALID',
    `Upload-Metadata is longer than ${MAX_METADATA_LENGTH} characters.`,
  );
}

/** @throws UploadRefused */
async function assertWelcome(
  aceId: string,
  upload: Upload,
  desk: Pick<UploadDesk, 'isTaken'>,
): Promise<void> {
  if (upload.size === 0) throw new UploadRefused(400, 'FILE_EMPTY', 'The file has no bytes.');

  if (await desk.isTaken(aceId)) {
    throw new UploadRefused(409, 'ACE_ID_TAKEN', 'The recording with this ace_id has arrived already.');
  }
}
