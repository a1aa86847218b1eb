/** In what one service differs from the others, as its documentation or its users tell it. */
export interface Moods {
  /** Headers that it refuses, by how their names begin. */
  readonly refusedHeaders: readonly string[];
  /** Whether writes obey `If-None-Match: *`. */
  readonly conditional: { readonly put: boolean; readonly complete: boolean };
  /** All parts but the last one have the same size, which is said when they are to become a file. */
  readonly equalParts: boolean;
  readonly removesMany: boolean;
  readonly listsUploads: boolean;
}

const PLAIN: Moods = {
  refusedHeaders: [],
  conditional: { put: false, complete: false },
  equalParts: false,
  removesMany: true,
  listsUploads: true,
};

export const MOODS = {
  aws: { ...PLAIN, conditional: { put: true, complete: true } },
  b2: {
    ...PLAIN,
    refusedHeaders: ['x-amz-checksum-', 'x-amz-sdk-checksum-algorithm', 'x-amz-trailer', 'x-amz-acl'],
  },
  r2: { ...PLAIN, conditional: { put: true, complete: false }, equalParts: true },
  minio: { ...PLAIN, conditional: { put: true, complete: true } },
  gcs: { ...PLAIN, refusedHeaders: ['x-amz-checksum-', 'x-amz-sdk-checksum-algorithm'], removesMany: false },
  ceph: { ...PLAIN, listsUploads: false },
  generic: PLAIN,
} as const satisfies Record<string, Moods>;

export type S3Profile = keyof typeof MOODS;
