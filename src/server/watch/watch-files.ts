import { extname } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Watch } from '../../desk/watching.ts';
import { KnownError } from '../../domain/errors.ts';
import { DASH_TYPE, HLS_TYPE } from '../../domain/media/manifests.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.m3u8': HLS_TYPE,
  '.mpd': DASH_TYPE,
  '.m4s': 'video/iso.segment',
  '.mp4': 'video/mp4',
  '.ts': 'video/mp2t',
  '.vtt': 'text/vtt; charset=utf-8',
  '.jpg': 'image/jpeg',
};

/** What names others is asked for anew: captions may have come to it. */
const CHANGING = ['.m3u8', '.mpd', '.vtt'];

type Opened = NonNullable<Awaited<ReturnType<Watch['open']>>>;

/**
 * Answers with a file of a recording, whole or a part of it (RFC 9110, section 14), of this origin and others: whoever
 * knows its address may have it.
 *
 * @throws KnownError `NOT_FOUND`
 */
export async function sendWatched(
  request: FastifyRequest,
  reply: FastifyReply,
  file: {
    readonly watch: Pick<Watch, 'look' | 'open'>;
    readonly recordingId: string;
    readonly path: string;
    readonly isForAll: boolean;
  },
): Promise<FastifyReply> {
  const { watch, recordingId, path, isForAll } = file;
  const ending = extname(path);
  const type = TYPES[ending];
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort(new Error('nobody listens any more')));
  const { signal } = gone;
  /** Lets go of a file once nobody listens any more, also where nothing of it was read yet. */
  const open = async (fromByte: number): Promise<Opened> => {
    const opened = await watch.open({ recordingId, path, fromByte, signal });
    if (opened === undefined) throw nothing();
    if (signal.aborted) opened.dismiss();
    else signal.addEventListener('abort', () => opened.dismiss(), { once: true });
    return opened;
  };
  const nothing = () => new KnownError('There is no such file', { code: 'NOT_FOUND' });
  if (type === undefined) throw nothing();
  const keep = CHANGING.includes(ending) ? 'max-age=60' : 'max-age=31536000, immutable';
  reply.headers({
    'content-type': type,
    'accept-ranges': 'bytes',
    'cache-control': `${isForAll ? 'public' : 'private'}, ${keep}`,
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
  });

  const wanted = request.headers.range;
  if (request.method === 'HEAD' || wanted !== undefined) {
    const found = await watch.look({ recordingId, path, signal });
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

async function* firstOf(opened: Opened, bytes: number): AsyncGenerator<Buffer> {
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
