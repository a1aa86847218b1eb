import { KnownError } from './errors.ts';
import { recordingOfKey } from './output-keys.ts';

/** Where one output goes whose caller has named the place: a file, or the manifest of a package. */
export interface OutputAddress {
  /** The place, by its name: one that is set up, or a bucket (`s3://bucket`). */
  readonly place: string;
  /** Folders and a name, with slashes between. */
  readonly key: string;
}

/** Whether an output goes to an address, and not to a place below its own folder. */
export function isOutputAddress(to: string): boolean {
  return to.includes(':');
}

/** Of a bucket by its name, as places are called; `undefined`: the place is none. */
export function bucketOfPlace(place: string): string | undefined {
  return place.startsWith('s3://') ? place.slice('s3://'.length) : undefined;
}

/** What buckets may be called where one is made: the rule of Amazon S3, which all services take. */
const BUCKET = /^(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)(?!xn--)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

export function isBucketName(text: string): boolean {
  return BUCKET.test(text);
}

/** So much of a key is left for what lies beside a manifest, in bytes. */
const MOST_KEY_BYTES = 850;

/** @throws KnownError `REQUEST_INVALID` for what is no address */
export function readOutputAddress(to: string): OutputAddress {
  const [, place, key] = /^(s3:\/\/[^/]*|[a-z][a-z0-9-]*(?=:))(?::|\/)(.*)$/s.exec(to) ?? [];
  if (place === undefined || key === undefined)
    throw invalid(to, 'it has to look like s3://bucket/key or media-out:folder/file');
  if (bucketOfPlace(place) === '') throw invalid(to, 'the name of the bucket is empty');
  if (key === '') throw invalid(to, 'the key is empty');
  const segments = key.split('/');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const isOdd = segments.some((each) => ['', '.', '..'].includes(each)) || /[\0-\x1f\x7f]/.test(key);
  if (isOdd) throw invalid(to, 'its key has to be folders and a name, with one slash between');
  if (Buffer.byteLength(key) > MOST_KEY_BYTES)
    throw invalid(to, `its key is longer than ${MOST_KEY_BYTES} bytes`);
  if (recordingOfKey(key) !== undefined)
    throw invalid(to, 'below runs/ and the id of a recording lies what Sluice itself puts there');
  return { place, key };
}

/** The refusal of an output that is not to replace what lies where it goes. */
export function outputExists(where: string): KnownError {
  return new KnownError(`There is something at ${where} already, which is not to be replaced`, {
    code: 'OUTPUT_EXISTS',
  });
}

function invalid(to: string, why: string): KnownError {
  const shown = to.length > 200 ? `${to.slice(0, 200)}…` : to;
  return new KnownError(`${JSON.stringify(shown)} is no place of an output: ${why}`, {
    code: 'REQUEST_INVALID',
  });
}
