import { randomBytes } from 'node:crypto';
import type { Fault } from '../shared/faults.ts';
import { B2Refusal } from './errors.ts';

/** What an upload URL is for, and the right to use it until `release`. */
interface UploadLease {
  readonly kind: UploadKind;
  /** The bucket's id for files, the large file's id for parts. */
  readonly targetId: string;
  release(): void;
}

type UploadKind = 'file' | 'part';

interface UploadToken {
  readonly kind: UploadKind;
  readonly targetId: string;
  readonly token: string;
  expiresAtMs: number;
  isBusy: boolean;
  /** From now on the URL answers 503. */
  isBroken: boolean;
  /** Breaks when the upload that now begins is over. */
  breaksAfterUse: boolean;
}

/** The account tokens and upload tokens handed out, and what has become of them. */
export interface Tokens {
  issueAccount(): string;
  /** Refuses anything but a live account token. */
  checkAccount(token: string | undefined): void;
  /** Gives out a new upload URL's path and the token that goes with it alone. */
  issueUpload(
    kind: UploadKind,
    version: number,
    targetId: string,
  ): { readonly path: string; readonly token: string };
  /** Refuses a wrong, expired or busy token and a broken URL; otherwise takes the URL until the lease's release. */
  leaseUpload(path: string, token: string | undefined): UploadLease;
  /** Notes that an injected failure struck an upload URL: a client has to ask for another one (B2, uploading files). */
  breakUpload(path: string, fault: Fault): void;
  expireAccount(): void;
  expireUpload(): void;
}

/** Creates the token book of an account. */
export function createTokens(options: {
  readonly accountTokenTtlMs: number;
  readonly uploadTokenTtlMs: number;
}): Tokens {
  const account = new Map<string, { expiresAtMs: number }>();
  const uploads = new Map<string, UploadToken>();
  let issued = 0;

  return {
    issueAccount() {
      const token = newToken('acct');
      account.set(token, { expiresAtMs: Date.now() + options.accountTokenTtlMs });
      return token;
    },
    checkAccount(token) {
      const known = account.get(token ?? '');
      if (known === undefined) throw new B2Refusal(401, 'bad_auth_token', 'Invalid authorization token');
      refuseExpired(known);
    },
    issueUpload(kind, version, targetId) {
      issued += 1;
      const pod = kind === 'file' ? `c001_v0001000_t${pad(issued)}` : pad(issued);
      const path = `/b2api/v${version}/b2_upload_${kind}/${targetId}/${pod}`;
      const token = newToken('upld');
      const expiresAtMs = Date.now() + options.uploadTokenTtlMs;
      const fresh = { isBusy: false, isBroken: false, breaksAfterUse: false };
      uploads.set(path, { kind, targetId, token, expiresAtMs, ...fresh });
      return { path, token };
    },
    leaseUpload(path, token) {
      const known = uploads.get(path);
      if (known === undefined || known.token !== token) {
        throw new B2Refusal(401, 'bad_auth_token', 'Invalid upload authorization token for this URL');
      }
      refuseExpired(known);
      if (known.isBroken || (known.isBusy && known.breaksAfterUse)) {
        throw new B2Refusal(503, 'service_unavailable', 'This upload URL is gone, get another one');
      }
      if (known.isBusy) {
        throw new B2Refusal(400, 'auth_token_limit', 'This upload token is in use by another upload');
      }
      known.isBusy = true;
      return {
        kind: known.kind,
        targetId: known.targetId,
        release() {
          known.isBusy = false;
          known.isBroken ||= known.breaksAfterUse;
        },
      };
    },
    breakUpload(path, fault) {
      const known = uploads.get(path);
      if (known === undefined) return;
      if (fault.status !== undefined || fault.drop === 'before-handling') known.isBroken = true;
      else if (fault.drop !== undefined || fault.stall || fault.cutAfterBytes !== undefined) {
        known.breaksAfterUse = true;
      }
    },
    expireAccount() {
      for (const token of account.values()) token.expiresAtMs = 0;
    },
    expireUpload() {
      for (const upload of uploads.values()) upload.expiresAtMs = 0;
    },
  };
}

function refuseExpired({ expiresAtMs }: { readonly expiresAtMs: number }): void {
  if (Date.now() >= expiresAtMs) {
    throw new B2Refusal(401, 'expired_auth_token', 'Authorization token has expired');
  }
}

function newToken(kind: string): string {
  return `4_001a11ce0acade10000000001_${randomBytes(9).toString('hex')}_${kind}_${randomBytes(12).toString('base64url')}=`;
}

function pad(count: number): string {
  return String(count).padStart(4, '0');
}
