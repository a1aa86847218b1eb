import { extname } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Watch } from '../../desk/watching.ts';
import { KnownError } from '../../domain/errors.ts';
import { DASH_TYPE, HLS_TYPE } from '../../domain/media/manifests.ts';
import { sendBytes } from '../routes/send-bytes.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.m3u8': HLS_TYPE,
  '.mpd': DASH_TYPE,
  '.m4s': 'video/iso.segment',
  '.mp4': 'video/mp4',
  '.ts': 'video/mp2t',
  '.vtt': 'text/vtt; charset=utf-8',
  '.jpg': 'image/jpeg',
};

/** What a file of a package is served as, or what lies beside one, by the end of its name; `undefined`: there is no such file. */
export function watchedTypeOf(path: string): string | undefined {
  return TYPES[extname(path)];
}

/** What names others is asked for anew: captions may have come to it. */
const CHANGING = ['.m3u8', '.mpd', '.vtt'];

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
  const type = watchedTypeOf(path);
  if (type === undefined) throw new KnownError('There is no such file', { code: 'NOT_FOUND' });
  const keep = CHANGING.includes(ending) ? 'max-age=60' : 'max-age=31536000, immutable';
  reply.headers({
    'content-type': type,
    'cache-control': `${isForAll ? 'public' : 'private'}, ${keep}`,
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
  });

  return await sendBytes(request, reply, {
    look: (signal) => watch.look({ recordingId, path, signal }),
    open: (fromByte, signal) => watch.open({ recordingId, path, fromByte, signal }),
  });
}
