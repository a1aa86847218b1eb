import { z } from 'zod';
import { entriesOf, secret, text, url } from '../../lib/setting-kinds.ts';
import { knownBy, PROFILE_NAMES, PROFILES, type ProfileName } from './profiles.ts';

/** What a bucket may be called; the oldest ones have names that nobody is given any more. */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i;

/** A place of outputs in a bucket: `s3://bucket`, or `s3://bucket/folder`. */
const S3_PLACE = /^s3:\/\/([^/]+)(?:\/(.*))?$/;

/** What the environment says of a service that speaks S3. */
export const s3Settings = {
  S3_ENDPOINT: url()
    .optional()
    .describe(
      'Address of a service that speaks S3, such as https://s3.eu-central-003.backblazeb2.com or http://127.0.0.1:9000; unset: Amazon S3 in S3_REGION',
    ),
  S3_REGION: text()
    .regex(/^[a-z0-9-]+$/, { error: 'must be small letters, digits and hyphens, such as eu-central-1' })
    .optional()
    .describe('Region of the bucket; unset: as S3_ENDPOINT says it, else us-east-1, or auto'),
  S3_KEY_ID: text().optional().describe('Access key id; unset: there is no S3'),
  S3_SECRET: secret()
    .optional()
    .describe('Secret access key; may list the bucket, and read, write and remove what lies in it'),
  S3_BUCKET: text()
    .regex(BUCKET, { error: 'must be the name of a bucket: 3 to 63 letters, digits, dots and hyphens' })
    .optional()
    .describe('Bucket that recipes can archive to as the store "s3"; unset: they cannot'),
  S3_INPUT_BUCKETS: buckets()
    .optional()
    .describe(
      'Buckets that inputs (s3://bucket/key) are taken from, comma-separated, or * for all that the key can read; unset: those of S3_BUCKET, MEDIA_IN and MEDIA_OUT',
    ),
  S3_OUTPUT_BUCKETS: buckets()
    .optional()
    .describe(
      'Buckets that a run may have its outputs put into (s3://bucket/key), comma-separated, or * for all that the key can write but that of S3_BUCKET; unset: that of MEDIA_OUT',
    ),
  S3_PROFILE: z
    .enum(PROFILE_NAMES)
    .optional()
    .describe(`What kind of service it is: ${PROFILE_NAMES.join(', ')}; unset: by the host of S3_ENDPOINT`),
  S3_ADDRESSING: z
    .enum(['path', 'host'])
    .default('path')
    .describe('Where requests name the bucket: in the path, or before the host'),
  S3_CREATE_BUCKET: z
    .stringbool({ error: 'must be on or off' })
    .default(false)
    .describe('on: a bucket that is not there is made'),
  S3_COMPARE_MD5: z
    .stringbool({ error: 'must be on or off' })
    .default(true)
    .describe(
      'Whether what a part’s ETag says is compared with the MD5 of what was sent; off: for buckets that encrypt with keys of their own (SSE-KMS), whose ETags are something else',
    ),
} as const;

/** Names of buckets, or all of them. */
function buckets() {
  return z
    .string()
    .transform((value) => (value.trim() === '*' ? ('any' as const) : entriesOf(value)))
    .pipe(
      z.union([
        z.literal('any'),
        z.array(z.string().regex(BUCKET, { error: 'each entry is the name of a bucket' })),
      ]),
    );
}

type Values = { readonly [Name in keyof typeof s3Settings]: z.output<(typeof s3Settings)[Name]> };

/** Where and how a service is asked; `undefined`: none is set up. */
export function s3Connection(e: Values) {
  const { S3_KEY_ID: keyId, S3_SECRET: secretKey } = e;
  if (!keyId || !secretKey) return undefined;
  const host = e.S3_ENDPOINT === undefined ? undefined : knownBy(e.S3_ENDPOINT);
  const name: ProfileName = e.S3_PROFILE ?? host?.profile ?? 'aws';
  const region = e.S3_REGION ?? host?.region ?? PROFILES[name].region;
  return {
    endpoint: e.S3_ENDPOINT ?? `https://s3.${region}.amazonaws.com`,
    region,
    keyId,
    secretKey,
    profile: PROFILES[name],
    addressing: e.S3_ADDRESSING,
    isMade: e.S3_CREATE_BUCKET,
    comparesEtags: e.S3_COMPARE_MD5,
  };
}

/** Bucket and folder of a place of outputs, the latter with a slash at its end or empty; `undefined` if it is none in S3. */
export function s3Place(place: string): { bucket: string; prefix: string } | undefined {
  const [, bucket, folder = ''] = S3_PLACE.exec(place) ?? [];
  if (bucket === undefined || !BUCKET.test(bucket)) return undefined;
  const segments = folder.replace(/\/$/, '').split('/');
  if (folder !== '' && segments.some((segment) => ['', '.', '..'].includes(segment))) return undefined;
  return { bucket, prefix: folder === '' ? '' : `${segments.join('/')}/` };
}
