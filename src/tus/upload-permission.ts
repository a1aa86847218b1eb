import { ERRORS } from '@tus/server';
import { readUploadToken, type UploadGrant } from '../lib/upload-token.ts';
import { wallMs } from '../lib/wall-time.ts';
import { UploadRefused } from './refusal.ts';
import type { Permit, Sidecar } from './sidecar.ts';
import type { RawMetadata } from './upload-metadata.ts';

/** Where a client that cannot set headers puts its token. */
const TOKEN_KEY = 'token';

export interface UploadPermissionOptions {
  /** The secrets that the website may sign with; none: whoever gets here may upload. */
  readonly secrets: readonly string[];
  /** How long after its beginning an upload goes on with what was valid then. */
  readonly expiresAfterMs: number;
}

/** What a request that begins an upload asks for. */
export interface UploadWish {
  readonly authorization: string | null;
  readonly metadata: RawMetadata | undefined;
  readonly bytes: number;
}

/** Decides who may upload what. */
export interface UploadPermission {
  /** Gives the metadata to keep, in which the token is not, and how the upload was permitted. @throws UploadRefused */
  begin(wish: UploadWish): Promise<{ readonly metadata: RawMetadata; readonly permit: Permit }>;
  /**
   * Lets a request about an upload pass. One that may not is not told whether there is such an upload.
   *
   * @throws UploadRefused, or what the library throws for an upload that does not exist
   */
  goOn(authorization: string | null, sidecar: Sidecar | undefined): Promise<void>;
}

/**
 * A token has to be in time when the upload begins. From then on, and for `expiresAfterMs`, the same token is good for
 * that upload although it has expired: no long upload dies of it. After that, and for an upload that was begun after
 * the token had expired, it takes a fresh one of the same recording. A client that sent its token in the metadata
 * cannot send one later: for the same time the upload's address, which nobody can guess, stands for it.
 */
export function createUploadPermission(options: UploadPermissionOptions): UploadPermission {
  const { secrets, expiresAfterMs } = options;
  const isOpen = secrets.length === 0;

  async function grantOf(text: string, sidecar?: Sidecar): Promise<UploadGrant> {
    const reading = await readUploadToken(text, secrets);
    if (reading.kind === 'invalid') {
      throw new UploadRefused(
        401,
        'UPLOAD_TOKEN_INVALID',
        `The upload token is not valid: ${reading.reason}.`,
      );
    }
    if (reading.kind === 'expired' && !wasInTime(reading.grant, sidecar)) {
      throw new UploadRefused(401, 'UPLOAD_TOKEN_EXPIRED', 'The upload token has expired.');
    }
    return reading.grant;
  }

  /** Whether an upload of this recording was begun while the token had not expired, and not too long ago. */
  function wasInTime({ aceId, expiresAtMs }: UploadGrant, sidecar: Sidecar | undefined): boolean {
    const beganAtMs = sidecar?.permit?.beganAtMs;
    return sidecar?.metadata['ace_id'] === aceId && isRecent(beganAtMs) && beganAtMs <= expiresAtMs;
  }

  function isRecent(beganAtMs: number | undefined): beganAtMs is number {
    return beganAtMs !== undefined && wallMs() - beganAtMs <= expiresAfterMs;
  }

  return {
    async begin({ authorization, metadata = {}, bytes }) {
      const { [TOKEN_KEY]: sent, ...kept } = metadata;
      const beganAtMs = wallMs();
      if (isOpen) return { metadata: kept, permit: { via: 'nothing', beganAtMs } };

      const bearer = bearerOf(authorization);
      const text = bearer ?? sent ?? undefined;
      if (text === undefined) throw tokenMissing();
      const { aceId, maxBytes, title, recipe } = await grantOf(text);
      const said = kept['ace_id'];
      if (said !== undefined && said !== null && said !== aceId) {
        throw new UploadRefused(
          403,
          'UPLOAD_TOKEN_MISMATCH',
          'The upload token is for another ace_id than the metadata names.',
        );
      }
      if (maxBytes !== undefined && bytes > maxBytes) {
        throw new UploadRefused(
          413,
          'UPLOAD_TOO_LARGE',
          `The upload token allows ${maxBytes} bytes, and the upload has ${bytes}.`,
          'Send a smaller file, or ask the website for a token that allows more.',
        );
      }
      return {
        metadata: {
          ...kept,
          ace_id: aceId,
          ...(title === undefined ? {} : { title }),
          ...(recipe === undefined ? {} : { recipe }),
        },
        permit: { via: bearer === undefined ? 'metadata' : 'header', beganAtMs },
      };
    },

    async goOn(authorization, sidecar) {
      if (isOpen) return;
      const bearer = bearerOf(authorization);
      if (bearer === undefined) {
        if (sidecar?.permit?.via === 'metadata' && isRecent(sidecar.permit.beganAtMs)) return;
        throw tokenMissing();
      }
      const { aceId } = await grantOf(bearer, sidecar);
      if (sidecar?.metadata['ace_id'] !== aceId) throw ERRORS.FILE_NOT_FOUND;
    },
  };
}

function tokenMissing(): UploadRefused {
  return new UploadRefused(401, 'UPLOAD_TOKEN_MISSING', 'The request carries no upload token.');
}

/** The token of an Authorization header; other schemes, which a proxy may have asked for, are no concern of ours. */
function bearerOf(authorization: string | null): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
}
