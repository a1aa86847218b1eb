import { createWriteStream } from 'node:fs';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { KnownError } from '../domain/errors.ts';
import { lengthOf } from '../lib/files.ts';
import { chunksOf, dismiss, type Request, readText, refusal, send } from '../lib/http.ts';
import { withFile } from '../outside/sent-file.ts';
import { retryInPlace } from '../tasks/support/retry-in-place.ts';

/** How a job of Sluice's is reached. */
export interface JobFilesOptions {
  readonly inputUrl: string;
  readonly outputPrefix: string;
  /** Attempts at one request. */
  readonly attempts: number;
  readonly idleTimeoutMs: number;
}

/** What is sent at once: it has to be there within half a minute. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** The files of one job: its input, and what is made of it. */
export function createJobFiles({ inputUrl, outputPrefix, attempts, idleTimeoutMs }: JobFilesOptions) {
  const service = 'Sluice';
  const terms = { service, isPathSecret: true, idleTimeoutMs };

  /**
   * Fetches the input, and goes on where it was cut off.
   *
   * @returns its length in bytes
   * @throws KnownError
   */
  async function fetchInput(path: string, signal: AbortSignal): Promise<number> {
    return await inAttempts(attempts, signal, async () => {
      const fromByte = (await lengthOf(path)) ?? 0;
      const headers: Record<string, string> = fromByte === 0 ? {} : { range: `bytes=${fromByte}-` };
      const request: Request = { ...terms, method: 'GET', url: inputUrl, headers, signal };
      const response = await send(request);
      // All of it was there already.
      if (response.status === 416 && fromByte > 0) {
        dismiss(response);
        return fromByte;
      }
      if (response.status !== 200 && response.status !== 206) throw await refused(request, response);
      const flags = response.status === 206 ? 'a' : 'w';
      await pipeline(Readable.from(chunksOf(request, response)), createWriteStream(path, { flags }));
      return (await lengthOf(path)) ?? 0;
    });
  }

  /**
   * Writes an output, in pieces, and goes on where it was cut off.
   *
   * @param key Its last part is its name.
   * @throws KnownError
   */
  async function writeOutput(
    key: string,
    path: string,
    signal: AbortSignal,
    onSent: (bytes: number) => void,
  ): Promise<number> {
    const url = `${outputPrefix}${encodeURIComponent(basename(key))}`;
    return await withFile(path, async (file) => {
      let at = 0;
      do {
        at = await inAttempts(attempts, signal, async () => {
          const end = Math.min(file.bytes, at + PIECE_BYTES);
          const headers = {
            'content-type': 'application/octet-stream',
            'upload-offset': String(at),
            'upload-complete': end === file.bytes ? '?1' : '?0',
          };
          const body = { bytes: end - at, chunks: file.read(at, end) };
          const request: Request = { ...terms, method: 'PATCH', url, headers, body, signal };
          const response = await send(request);
          if (response.status === 204) {
            dismiss(response);
            return end;
          }
          const error = await refused(request, response);
          const there = Number(response.headers['upload-offset']);
          // Part of a piece that was cut off has come.
          if (response.status !== 409 || !Number.isInteger(there) || there > file.bytes) throw error;
          at = there;
          throw new KnownError(error.message, { code: 'TRANSFER_STALLED', retry: { afterMs: 0 } });
        });
        onSent(at);
      } while (at < file.bytes);
      return file.bytes;
    });
  }

  return { fetchInput, writeOutput };
}

async function refused(request: Request, response: Awaited<ReturnType<typeof send>>): Promise<KnownError> {
  return refusal(request, response.status, await readText(request, response), response.headers);
}

/** Does something until it succeeds, is refused for good, or has failed so often. */
function inAttempts<T>(attempts: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return retryInPlace({ attempts, pauseMs: 500 }, signal, work);
}
