import type { z } from 'zod';
import { text, whole } from '../../lib/setting-kinds.ts';
import type { FfmpegOptions } from './driver.ts';

/** What the environment says of ffmpeg, which encodes, cuts and packages. */
export const ffmpegSettings = {
  FFMPEG: text()
    .default('ffmpeg')
    .describe('Command that encodes audio and video: a name or a path; none: nothing is encoded'),
  FFMPEG_MEMORY_MAX_BYTES: whole(67_108_864)
    .default(1_610_612_736)
    .describe(
      'Memory that one run of ffmpeg may hold before it is killed; a ladder of 1080p holds 0.6 GB, one of 4K 1.9 GB',
    ),
  FFMPEG_NICENESS: whole(0, 19)
    .default(19)
    .describe(
      'How far ffmpeg gives way to all else on this machine: 0 no further than the worker, 19 to whatever has anything to do, so that webhooks are answered at once',
    ),
  FFMPEG_STALL_S: whole(5)
    .default(60)
    .describe('Seconds in which a run of ffmpeg has come no further and has not worked before it is killed'),
} as const;

type Values = { readonly [Name in keyof typeof ffmpegSettings]: z.output<(typeof ffmpegSettings)[Name]> };

/** How ffmpeg is run, as the settings say it. */
export function ffmpegOptions(e: Values, searchPath: string): FfmpegOptions {
  return {
    command: e.FFMPEG,
    searchPath,
    maxMemoryBytes: e.FFMPEG_MEMORY_MAX_BYTES,
    niceness: e.FFMPEG_NICENESS,
    stall: { idleS: e.FFMPEG_STALL_S, workingS: 10 * e.FFMPEG_STALL_S },
  };
}
