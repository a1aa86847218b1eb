import type { Writable } from 'node:stream';
import { ERRORS } from '@tus/server';
import { bytesPassed } from '../lib/young-garbage.ts';
import type { RequestBody } from './request-bodies.ts';

/**
 * Writes a request's body to a file until the body ends, the connection breaks or the signal stops it, then closes the
 * file; returns the number of bytes. What has arrived by then is in the file, and nothing waits for more bytes to come
 * before it is written. The request stays usable for an answer.
 *
 * @throws what the file says, or the library's error for more than `maxBytes`
 */
export async function receiveBody(
  { request, stopSignal }: RequestBody,
  file: Writable,
  maxBytes: number,
): Promise<number> {
  let bytes = 0;
  let failure: unknown;
  const closed = new Promise((resolve) => file.once('close', resolve));

  function onData(chunk: Buffer): void {
    bytes += chunk.length;
    bytesPassed(chunk.length);
    if (bytes > maxBytes) {
      failure = ERRORS.ERR_MAX_SIZE_EXCEEDED;
      stop();
    } else if (!file.write(chunk)) request.pause();
  }
  const goOn = () => void request.resume();

  function stop(): void {
    request.off('data', onData).off('end', stop).off('close', stop);
    stopSignal.removeEventListener('abort', stop);
    file.off('drain', goOn);
    request.pause();
    file.end();
  }

  file.on('drain', goOn);
  file.once('error', (error) => {
    failure = error;
    stop();
  });
  stopSignal.addEventListener('abort', stop);
  request.on('end', stop).on('close', stop);
  if (stopSignal.aborted || request.destroyed) stop();
  else request.on('data', onData);

  await closed;
  if (failure !== undefined) throw failure;
  return bytes;
}
