import { KnownError } from '../domain/errors.ts';
import { bucketOfPlace } from '../domain/output-address.ts';
import type { OutputPlace, OutputPlaces } from '../engine/ports/output-place.ts';
import { createFolderOutput, type FolderOutputOptions } from './folder/output-place.ts';
import { createS3Output, type S3OutputOptions } from './s3/output-place.ts';
import type { Pace } from './stores.ts';

/** Where outputs go, as the settings have it. */
export interface OutputPlaceSettings {
  /** `undefined`: nowhere is set up. */
  readonly mediaOut:
    | ({ readonly kind: 'folder' } & Omit<FolderOutputOptions, keyof Pace>)
    | ({ readonly kind: 's3' } & Omit<S3OutputOptions, keyof Pace>)
    | undefined;
  /** What callers may name beside it; absent: nothing. */
  readonly outputs?: {
    /** How S3 is asked; `undefined`: it is not set up. */
    readonly s3: Omit<S3OutputOptions, keyof Pace | 'bucket' | 'prefix' | 'url'> | undefined;
    /** The buckets, or all that the key of S3 can reach, but for the archive's. */
    readonly buckets: readonly string[] | 'any';
    readonly archiveBucket?: string | undefined;
  };
}

/** Opens a place by its kind. */
function openPlace(
  name: string,
  settings: NonNullable<OutputPlaceSettings['mediaOut']>,
  pace: Pace,
): OutputPlace {
  switch (settings.kind) {
    case 'folder':
      return createFolderOutput(name, { ...settings, ...pace });
    case 's3':
      return createS3Output(name, { ...settings, ...pace });
  }
}

/** Opens the places that are set up, and buckets as they are named; nothing is asked of them yet. */
export function openOutputPlaces({ mediaOut, outputs }: OutputPlaceSettings, pace: Pace): OutputPlaces {
  const { s3, buckets = [], archiveBucket } = outputs ?? {};
  const setUp = new Map<string, OutputPlace>();
  if (mediaOut !== undefined) setUp.set('media-out', openPlace('media-out', mediaOut, pace));
  const opened = new Map<string, OutputPlace>();

  function openBucket(name: string, bucket: string): OutputPlace {
    if (s3 === undefined) throw notAllowed('S3 is not set up here: S3_KEY_ID and S3_SECRET are missing');
    if (buckets === 'any' && bucket === archiveBucket) {
      throw notAllowed(
        `The bucket ${bucket} is the archive: outputs go there only if it is named in S3_OUTPUT_BUCKETS`,
      );
    }
    if (buckets !== 'any' && !buckets.includes(bucket)) {
      const there = buckets.length === 0 ? 'none is' : `those are ${buckets.join(', ')}`;
      throw notAllowed(`The bucket ${bucket} is not among those that outputs are put into: ${there}`);
    }
    const label = `the bucket ${bucket}`;
    const place = createS3Output(name, {
      ...{ ...s3, ...pace, bucket, label },
      ...{ prefix: '', url: undefined, setting: 'S3_OUTPUT_BUCKETS' },
    });
    opened.set(name, place);
    return place;
  }

  return {
    setUp,
    get(name) {
      const bucket = bucketOfPlace(name);
      if (bucket === undefined) return setUp.get(name);
      return opened.get(name) ?? openBucket(name, bucket);
    },
  };
}

function notAllowed(message: string): KnownError {
  return new KnownError(message, { code: 'OUTPUT_NOT_ALLOWED' });
}
