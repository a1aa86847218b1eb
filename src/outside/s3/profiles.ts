/** What a service of this kind is like, where such services differ. What a service does not take is not sent to it. */
export interface Profile {
  /** As people call the service. */
  readonly title: string;
  /** The region that is signed with, unless the settings or the endpoint name another. */
  readonly region: string;
  /** Which writes take `If-None-Match: *`, as one guard of several. */
  readonly conditional: { readonly put: boolean; readonly complete: boolean };
  /** Removes many files by one request. */
  readonly removesMany: boolean;
}

/** The services that have moods of their own, each by its public documentation. */
export const PROFILES = {
  aws: {
    title: 'Amazon S3',
    region: 'us-east-1',
    conditional: { put: true, complete: true },
    removesMany: true,
  },
  /** Refuses headers that it does not know, those of checksums among them. */
  b2: {
    title: 'Backblaze B2 (S3)',
    region: 'us-east-1',
    conditional: { put: false, complete: false },
    removesMany: true,
  },
  /** Wants all parts but the last one of one size. */
  r2: {
    title: 'Cloudflare R2',
    region: 'auto',
    conditional: { put: true, complete: false },
    removesMany: true,
  },
  minio: {
    title: 'MinIO',
    region: 'us-east-1',
    conditional: { put: true, complete: true },
    removesMany: true,
  },
  gcs: {
    title: 'Google Cloud Storage',
    region: 'auto',
    conditional: { put: false, complete: false },
    removesMany: false,
  },
  ceph: {
    title: 'Ceph',
    region: 'us-east-1',
    conditional: { put: false, complete: false },
    removesMany: true,
  },
  generic: {
    title: 'the S3 service',
    region: 'us-east-1',
    conditional: { put: false, complete: false },
    removesMany: true,
  },
} as const satisfies Record<string, Profile>;

export type ProfileName = keyof typeof PROFILES;

export const PROFILE_NAMES = Object.keys(PROFILES) as readonly ProfileName[];

/** Hosts by which a service is known; the region is a part of some. */
const HOSTS: readonly (readonly [ProfileName, RegExp])[] = [
  ['aws', /(?:^|\.)s3(?:\.dualstack)?[.-]([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/],
  ['aws', /(?:^|\.)amazonaws\.com(?:\.cn)?$/],
  ['b2', /(?:^|\.)s3\.([a-z0-9-]+)\.backblazeb2\.com$/],
  ['r2', /(?:^|\.)r2\.cloudflarestorage\.com$/],
  ['gcs', /(?:^|\.)storage\.googleapis\.com$/],
];

/** Which service answers at an endpoint, by its host, and in which region, where the host says so. */
export function knownBy(endpoint: string): { profile: ProfileName; region: string | undefined } {
  const { hostname } = new URL(endpoint);
  for (const [profile, pattern] of HOSTS) {
    const match = pattern.exec(hostname);
    if (match !== null) return { profile, region: match[1] };
  }
  return { profile: 'generic', region: undefined };
}
