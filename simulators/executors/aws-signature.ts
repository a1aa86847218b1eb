import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AwsRefusal } from './aws-refusal.ts';

/** How far the clocks of both sides may differ. */
const MAX_SKEW_MS = 5 * 60_000;

/** A request to the root of a service: its path is a slash, and it has no query. */
export interface SignedRequest {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Credentials {
  readonly keyId: string;
  readonly secretKey: string;
  /** Of a temporary key. */
  readonly sessionToken?: string | undefined;
  readonly region: string;
  readonly service: string;
}

/** Checks a request by AWS Signature Version 4, as the services that speak JSON have it. */
export function requireSignature(request: SignedRequest, credentials: Credentials, nowMs: number): void {
  const { headers } = request;
  const { credential, signedHeaders, signature } = claimIn(headers);
  const [keyId, day, region, service, end] = credential.split('/');
  if (keyId !== credentials.keyId || headers['x-amz-security-token'] !== credentials.sessionToken) {
    throw new AwsRefusal(
      'com.amazon.coral.service#UnrecognizedClientException',
      'The security token included in the request is invalid.',
    );
  }
  if (region !== credentials.region || service !== credentials.service || end !== 'aws4_request') {
    throw invalid(`Credential should be scoped to a valid region and correct service: '${credential}'.`);
  }
  const date = String(headers['x-amz-date'] ?? '');
  requireTime(date, nowMs);
  if (day !== date.slice(0, 8)) {
    throw invalid(`Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date: ${date}`);
  }
  const unsigned = Object.keys(headers).filter(
    (name) => name.startsWith('x-amz-') && !signedHeaders.includes(name),
  );
  if (!signedHeaders.includes('host') || unsigned.length > 0) {
    throw invalid(`'Host' and all X-Amz-* headers must be signed: ${unsigned}`);
  }
  const text = [
    'AWS4-HMAC-SHA256',
    date,
    [day, region, service, end].join('/'),
    sha256(canonical(request, signedHeaders)),
  ].join('\n');
  const key = [day, region, service, end].reduce<Buffer | string>(
    (outer, part) => createHmac('sha256', outer).update(String(part)).digest(),
    `AWS4${credentials.secretKey}`,
  );
  const right = createHmac('sha256', key).update(text).digest();
  const shown = Buffer.from(signature, 'hex');
  if (shown.length === right.length && timingSafeEqual(shown, right)) return;
  throw invalid(
    'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
  );
}

function claimIn({ authorization = '' }: IncomingHttpHeaders) {
  const [, credential, names, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)$/.exec(
      authorization,
    ) ?? [];
  if (credential === undefined || names === undefined || signature === undefined) {
    throw new AwsRefusal(
      'com.amazon.coral.service#MissingAuthenticationTokenException',
      'Missing Authentication Token',
    );
  }
  return { credential, signedHeaders: names.split(';'), signature };
}

function requireTime(date: string, nowMs: number): void {
  const atMs = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const now = new Date(nowMs).toISOString().replace(/[:-]|\.\d{3}/g, '');
  if (!(atMs >= nowMs - MAX_SKEW_MS)) {
    throw invalid(
      `Signature expired: ${date} is now earlier than the earliest time accepted (${now} - 5 min.)`,
    );
  }
  if (atMs > nowMs + MAX_SKEW_MS) {
    throw invalid(`Signature not yet current: ${date} is still later than ${now} + 5 min.`);
  }
}

function canonical({ method, headers, body }: SignedRequest, signedHeaders: readonly string[]): string {
  const lines = signedHeaders.map(
    (name) =>
      `${name}:${String(headers[name] ?? '')
        .trim()
        .replace(/\s+/g, ' ')}`,
  );
  return [method, '/', '', ...lines, '', signedHeaders.join(';'), sha256(body)].join('\n');
}

function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function invalid(message: string): AwsRefusal {
  return new AwsRefusal('com.amazon.coral.service#InvalidSignatureException', message);
}
