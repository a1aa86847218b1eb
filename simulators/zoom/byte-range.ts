/** The bytes from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * What a `Range` header asks of `totalBytes`: a range, `unsatisfiable`, or `whole` where there is no header, or one
 * that may be ignored because it names several ranges or another unit (RFC 9110, range requests).
 */
export function parseRange(
  header: string | undefined,
  totalBytes: number,
): ByteRange | 'whole' | 'unsatisfiable' {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (first === '' && last === '') return 'whole';
  if (first === '') {
    const suffixBytes = Math.min(Number(last), totalBytes);
    return suffixBytes === 0 ? 'unsatisfiable' : { start: totalBytes - suffixBytes, end: totalBytes };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return 'whole';
  if (start >= totalBytes) return 'unsatisfiable';
  return { start, end: last === '' ? totalBytes : Math.min(Number(last) + 1, totalBytes) };
}
