import { open } from 'node:fs/promises';
import { KnownError } from '../../domain/errors.ts';
import { READ_FORMATS } from '../../lib/ffprobe.ts';
import { lookAtFile } from '../../lib/media-type.ts';

/** What ffmpeg calls that which reads a file, by the ending that our own look gives it. */
const DEMUXERS: Readonly<Record<string, string>> = {
  '3g2': 'mov',
  '3gp': 'mov',
  aac: 'aac',
  ac3: 'ac3',
  aif: 'aiff',
  amr: 'amr',
  asf: 'asf',
  au: 'au',
  avi: 'avi',
  f4v: 'mov',
  flac: 'flac',
  flv: 'flv',
  gxf: 'gxf',
  ivf: 'ivf',
  m4a: 'mov',
  m4b: 'mov',
  m4p: 'mov',
  m4v: 'mov',
  mkv: 'matroska',
  mov: 'mov',
  mp4: 'mov',
  mxf: 'mxf',
  oga: 'ogg',
  ogg: 'ogg',
  ogv: 'ogg',
  opus: 'ogg',
  ts: 'mpegts',
  wav: 'wav',
  webm: 'matroska',
  y4m: 'yuv4mpegpipe',
};

/**
 * The arguments that open a file as an input. A playlist is a program that has other files read, so nothing that names
 * files is read as one: not by its kind, and not by a protocol.
 *
 * @throws KnownError `NOT_MEDIA`
 */
export async function inputArgs(path: string, known?: 'mp4' | 'ts'): Promise<readonly string[]> {
  const extension = known ?? (await extensionOf(path));
  const demuxer = extension === undefined ? undefined : DEMUXERS[extension];
  return [
    ...['-protocol_whitelist', 'file', '-format_whitelist', READ_FORMATS],
    ...(demuxer === undefined ? [] : ['-f', demuxer]),
    ...['-i', `file:${path}`],
  ];
}

/** The ending that our own look gives a file; `undefined` if that does not tell. */
async function extensionOf(path: string): Promise<string | undefined> {
  const handle = await open(path, 'r');
  const look = await lookAtFile(handle).finally(() => handle.close());
  if (look.kind === 'other') {
    throw new KnownError(`The file is neither audio nor video, but ${look.mime}`, { code: 'NOT_MEDIA' });
  }
  return look.kind === 'media' ? look.media.extension : undefined;
}
