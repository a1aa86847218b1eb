import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { KnownError } from '../../domain/errors.ts';

/** A file that has begun to be read. Whoever reads no further dismisses it. */
export interface OpenedBytes {
  readonly totalBytes: number;
  readonly chunks: AsyncIterable<Buffer>;
  dismiss(): void;
}

/** What `sendBytes` answers with, for the description of a route. */
export const FILE_ANSWER = {
  description: 'The file; 206 with a range of it',
  content: { 'application/octet-stream': { schema: z.string() } },
};

/**
 * Answers with a file, whole or a part of it (RFC 9110, section 14); the reply has its type already.
 *
 * @throws KnownError `NOT_FOUND` where there is none
 */
export async function sendBytes(
  request: FastifyRequest,
  reply: FastifyReply,
  file: {
    look(signal: AbortSignal): Promise<{ readonly bytes: number } | undefined>;
    open(fromByte: number, signal: AbortSignal): Promise<OpenedBytes | undefined>;
  },
): Promise<FastifyReply> {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort(new Error('nobody listens any more')));
  const { signal } = gone;
  /** Lets go of a file once nobody listens any more, also where nothing of it was read yet. */
  const open = async (fromByte: number): Promise<OpenedBytes> => {
    const opened = await file.open(fromByte, signal);
    if (opened === undefined) throw nothing();
    if (signal.aborted) opened.dismiss();
    else signal.addEventListener('abort', () => opened.dismiss(), { once: true });
    return opened;
  };
  reply.header('accept-ranges', 'bytes');

  const wanted = request.headers.range;
  if (request.method === 'HEAD' || wanted !== undefined) {
    const found = await file.look(signal);
    if (found === undefined) throw nothing();
    const range = rangeOf(wanted, found.bytes);
    if (range === 'none')
      return reply.code(416).header('content-range', `bytes */${found.bytes}`).type('text/plain').send('');
    const { start, end } = range ?? { start: 0, end: found.bytes };
    reply.header('content-length', end - start);
    if (range !== undefined) {
      reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${found.bytes}`);
    }
    if (request.method === 'HEAD' || end === start) return reply.send('');
    const opened = await open(start);
    return reply.send(Readable.from(firstOf(opened, end - start)));
  }
  const opened = await open(0);
  reply.header('content-length', opened.totalBytes);
  return reply.send(Readable.from(opened.chunks));
}

function nothing(): KnownError {
  return new KnownError('There is no such file', { code: 'NOT_FOUND' });
}

/** The part that one range asks for; several at once, or what is no range, is answered with the whole file. */
function rangeOf(
  header: string | undefined,
  bytes: number,
): { readonly start: number; readonly end: number } | 'none' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? bytes : Math.min(bytes, Number(last) + 1);
  return start < end ? { start, end } : 'none';
}

async function* firstOf(opened: OpenedBytes, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes;
  try {
    for await (const chunk of opened.chunks) {
      yield chunk.subarray(0, left);
      left -= chunk.length;
      if (left <= 0) return;
    }
  } finally {
    opened.dismiss();
  }
}
