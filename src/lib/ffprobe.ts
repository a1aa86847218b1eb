import { spawn } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import type { MediaType } from './media-type.ts';

/** How long one look may take, in milliseconds and in seconds of work, and how much memory, in KiB. */
const LIMITS = { timeoutMs: 15_000, cpuS: 10, memoryKib: 2_097_152 };

/** More than this it does not say of any file, in bytes. */
const MAX_ANSWER_BYTES = 262_144;

/** Below this ffprobe itself would try again with more bytes: it guesses. */
const MIN_SCORE = 26;

/**
 * What single files of audio and video are read by. No playlists, lists of files, subtitles, pictures, programs or
 * archives: those name other files, or are none.
 */
export const READ_FORMATS =
  '3dostr,aac,ac3,acm,adx,aiff,amr,amrnb,amrwb,ape,asf,asf_o,ast,au,av1,avi,avs,bfi,bink,binka,caf,cavsvideo,dirac,' +
  'dnxhd,dsf,dss,dts,dtshd,dv,dxa,eac3,ea,epaf,flac,flic,flv,live_flv,fsb,g722,g729,gsm,gxf,h261,h263,h264,hevc,ivf,' +
  'iff,ingenient,ircam,iss,iv8,kux,lmlm4,loas,lvf,lxf,m4v,matroska,webm,mgsts,mlp,mlv,mm,mov,mp4,m4a,3gp,3g2,mj2,mp3,' +
  'mpc,mpc8,mpeg,mpegts,mpegtsraw,mpegvideo,msnwctcp,mtv,mv,mvi,mxf,mxg,nc,nistsphere,nsv,nut,nuv,obu,ogg,oma,paf,pva,' +
  'qcp,r3d,rl2,rm,roq,rpl,rso,sds,sdr2,shn,smk,sol,sox,spdif,tak,thp,truehd,tta,ty,vc1,vc1test,vivo,vmd,voc,vpk,' +
  'vqf,vvc,w64,wav,wc3movie,wsaud,wsvqa,wtv,wv,wve,xa,xmv,xvag,xwma,yop,yuv4mpegpipe';

/** What files of a format are called; of others the name of the format. */
const TYPES: Readonly<Record<string, MediaType>> = {
  matroska: { mime: 'video/matroska', extension: 'mkv' },
  mov: { mime: 'video/quicktime', extension: 'mov' },
  mpeg: { mime: 'video/mpeg', extension: 'mpg' },
  mpegvideo: { mime: 'video/mpeg', extension: 'mpg' },
  mpegts: { mime: 'video/mp2t', extension: 'ts' },
  asf: { mime: 'video/x-ms-asf', extension: 'asf' },
  mp3: { mime: 'audio/mpeg', extension: 'mp3' },
  loas: { mime: 'audio/MP4A-LATM', extension: 'latm' },
  ogg: { mime: 'audio/ogg', extension: 'ogg' },
};

/** Asks ffprobe what an open file is. */
export interface Ffprobe {
  /** `undefined` if it is neither audio nor video, or cannot be asked: there is none, or it takes too long. */
  ask(handle: FileHandle): Promise<MediaType | undefined>;
  /** What it shows of these entries, as JSON; `undefined` if it cannot be asked, or can make nothing of the file. */
  show(handle: FileHandle, entries: string): Promise<string | undefined>;
}

export interface FfprobeOptions {
  /** Its name or path. */
  readonly command: string;
  /** Where commands are looked for, as PATH says it. */
  readonly searchPath: string;
}

/** A look runs it once, on this one open file, with bounds on time and memory, and in an environment without secrets. */
export function createFfprobe(options: FfprobeOptions): Ffprobe {
  return {
    async ask(handle) {
      const answer = await run(options, handle, KIND_ENTRIES);
      return answer === undefined ? undefined : typeIn(answer);
    },
    show: (handle, entries) => run(options, handle, entries),
  };
}

/** What tells what a file is. */
const KIND_ENTRIES =
  'format=format_name,probe_score:stream=codec_type,codec_name:stream_disposition=attached_pic';

function run(
  { command, searchPath }: FfprobeOptions,
  handle: FileHandle,
  entries: string,
): Promise<string | undefined> {
  const { cpuS, memoryKib, timeoutMs } = LIMITS;
  const args = [
    ...['-v', 'error', '-hide_banner', '-of', 'json', '-show_entries', entries],
    ...['-protocol_whitelist', 'file', '-format_whitelist', READ_FORMATS],
    ...['-probesize', '20M', '-analyzeduration', '20M', '-i', 'file:/dev/fd/3'],
  ];
  // The shell sets the bounds, where the system knows them, and then becomes ffprobe.
  const script = `ulimit -c 0; ulimit -t ${cpuS}; ulimit -v ${memoryKib} 2>/dev/null; exec "$0" "$@"`;
  return new Promise((resolve) => {
    const child = spawn('/bin/sh', ['-c', script, command, ...args], {
      stdio: ['ignore', 'pipe', 'ignore', handle.fd],
      env: { PATH: searchPath },
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    child.stdout?.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.once('error', () => resolve(undefined));
    child.once('close', (code) => resolve(code === 0 ? Buffer.concat(chunks).toString() : undefined));
  });
}

const answerShape = z.object({
  format: z.object({ format_name: z.string(), probe_score: z.number() }),
  streams: z.array(
    z.object({
      codec_type: z.string().optional(),
      codec_name: z.string().optional(),
      disposition: z.object({ attached_pic: z.number() }).partial().optional(),
    }),
  ),
});

function typeIn(answer: string): MediaType | undefined {
  const parsed = answerShape.safeParse(parseJson(answer));
  if (!parsed.success || parsed.data.format.probe_score < MIN_SCORE) return undefined;
  const known = parsed.data.streams.filter(
    ({ codec_name: codec, disposition }) =>
      codec !== undefined && codec !== 'unknown' && disposition?.attached_pic !== 1,
  );
  const isVideo = known.some(({ codec_type: type }) => type === 'video');
  if (!isVideo && !known.some(({ codec_type: type }) => type === 'audio')) return undefined;
  const format = parsed.data.format.format_name.split(',')[0]?.replace(/[^a-z0-9]/gi, '') || 'media';
  return TYPES[format] ?? { mime: `${isVideo ? 'video' : 'audio'}/x-${format}`, extension: format };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
