/** The most parts that B2 makes a file of. */
export const MAX_PARTS = 10_000;

/** The most parts that are made; listing and finishing them stays quick. */
const ENOUGH_PARTS = 5_000;

/** The largest file that goes in one request, in bytes. */
const MAX_WHOLE_BYTES = 10_000_000;

/**
 * The size of a file's parts, in bytes; as large as the file where it goes in one request. Every part but the last one
 * has to have `minBytes`, and a large file at least two parts. Above `wantedBytes` only where that would make too many;
 * below it where all that may be sent at the same time would not be used otherwise.
 */
export function partBytesFor(input: {
  readonly totalBytes: number;
  readonly wantedBytes: number;
  readonly minBytes: number;
  readonly parallelParts: number;
}): number {
  const { totalBytes, wantedBytes, minBytes, parallelParts } = input;
  if (totalBytes <= Math.max(Math.min(MAX_WHOLE_BYTES, wantedBytes), minBytes)) return totalBytes;
  const sharedBytes = Math.ceil(totalBytes / Math.max(2, parallelParts));
  const manyBytes = Math.ceil(totalBytes / ENOUGH_PARTS);
  return Math.max(Math.min(wantedBytes, sharedBytes), manyBytes, minBytes);
}
