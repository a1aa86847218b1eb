import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { S3Refusal } from './errors.ts';

/** How far the clocks of both sides may differ. */
const MAX_SKEW_MS = 15 * 60_000;

export interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
}

interface Credentials {
  readonly keyId: string;
  readonly secretKey: string;
  readonly region: string;
}

/** What of a request is signed, wherever its signature stands. */
interface Claim {
  readonly credential: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly date: string;
  readonly payload: string;
  readonly expiresS: number | undefined;
}

/**
 * Checks a request by AWS Signature Version 4, in its headers or its query.
 *
 * @returns the SHA-256 that its body was signed with; `undefined`: its body is not signed
 */
export function requireSignature(
  request: SignedRequest,
  { keyId, secretKey, region }: Credentials,
  nowMs: number,
): string | undefined {
  const claim = claimIn(request);
  const [id, day, signedRegion, service, end] = claim.credential.split('/');
  if (id !== keyId) {
    throw new S3Refusal(
      403,
      'InvalidAccessKeyId',
      'The access key id you provided does not exist in our records.',
    );
  }
  if (signedRegion !== region && region !== 'auto') {
    throw new S3Refusal(
      400,
      'AuthorizationHeaderMalformed',
      `The region '${signedRegion}' is wrong; expecting '${region}'`,
    );
  }
  const atMs = Date.parse(
    claim.date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'),
  );
  if (claim.expiresS === undefined && !(Math.abs(atMs - nowMs) <= MAX_SKEW_MS)) {
    throw new S3Refusal(
      403,
      'RequestTimeTooSkewed',
      'The difference between the request time and the current time is too large.',
    );
  }
  if (claim.expiresS !== undefined && nowMs > atMs + claim.expiresS * 1000) {
    throw new S3Refusal(403, 'AccessDenied', 'Request has expired');
  }
  const unsigned = Object.keys(request.headers).filter(
    (name) => name.startsWith('x-amz-') && !claim.signedHeaders.includes(name),
  );
  if (!claim.signedHeaders.includes('host') || unsigned.length > 0) {
    throw new S3Refusal(403, 'AccessDenied', `There were headers present which were not signed: ${unsigned}`);
  }

  const scope = [day, signedRegion, service, end].join('/');
  const text = ['AWS4-HMAC-SHA256', claim.date, scope, sha256(canonical(request, claim))].join('\n');
  const keys = [day, signedRegion, service, end].reduce<Buffer | string>(
    (key, part) => createHmac('sha256', key).update(String(part)).digest(),
    `AWS4${secretKey}`,
  );
  const right = createHmac('sha256', keys).update(text).digest();
  const shown = Buffer.from(claim.signature, 'hex');
  if (shown.length !== right.length || !timingSafeEqual(shown, right)) {
    throw new S3Refusal(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided.',
    );
  }
  return /^[0-9a-f]{64}$/.test(claim.payload) ? claim.payload : undefined;
}

function claimIn({ headers, url }: SignedRequest): Claim {
  const { searchParams: query } = url;
  if (query.has('X-Amz-Signature')) {
    return {
      credential: query.get('X-Amz-Credential') ?? '',
      signedHeaders: (query.get('X-Amz-SignedHeaders') ?? '').split(';'),
      signature: query.get('X-Amz-Signature') ?? '',
      date: query.get('X-Amz-Date') ?? '',
      payload: query.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD',
      expiresS: Number(query.get('X-Amz-Expires')),
    };
  }
  const { authorization = '' } = headers;
  const [, credential, names, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)$/.exec(
      authorization,
    ) ?? [];
  if (credential === undefined || names === undefined || signature === undefined) {
    throw new S3Refusal(403, 'AccessDenied', 'Anonymous access is forbidden');
  }
  return {
    credential,
    signedHeaders: names.split(';'),
    signature,
    date: String(headers['x-amz-date'] ?? ''),
    payload: String(headers['x-amz-content-sha256'] ?? ''),
    expiresS: undefined,
  };
}

function canonical({ method, url, headers }: SignedRequest, { signedHeaders, payload }: Claim): string {
  const query = [...url.searchParams]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : 1))
    .map((pair) => pair.join('='));
  const path = url.pathname
    .split('/')
    .map((segment) => encode(decodeURIComponent(segment)))
    .join('/');
  const lines = signedHeaders.map(
    (name) =>
      `${name}:${String(headers[name] ?? '')
        .trim()
        .replace(/\s+/g, ' ')}`,
  );
  return [method, path, query.join('&'), ...lines, '', signedHeaders.join(';'), payload].join('\n');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
