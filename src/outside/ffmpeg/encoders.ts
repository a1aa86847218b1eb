import { hasCode } from '../../domain/errors.ts';
import type { EncoderState, Ffmpeg } from '../../engine/ports/ffmpeg.ts';

/** Those that steps can ask for, and those of graphics cards that are worth knowing of. */
export const KNOWN_ENCODERS: readonly string[] = [
  ...['libx264', 'libx265', 'libvpx-vp9', 'libsvtav1', 'h264_nvenc', 'h264_qsv', 'h264_vaapi'],
  ...['aac', 'libmp3lame', 'libopus'],
];

const AUDIO: readonly string[] = ['aac', 'libmp3lame', 'libopus', 'libfdk_aac', 'libvorbis', 'flac'];

const GRAPHICS_CARD = /_(nvenc|qsv|vaapi)$/;

const BLACK = ['-f', 'lavfi', '-i', 'color=s=256x144:r=25'];
const SILENCE = ['-f', 'lavfi', '-i', 'anullsrc=r=48000:cl=stereo'];
const VAAPI = ['-init_hw_device', 'vaapi=va:/dev/dri/renderD128', '-filter_hw_device', 'va'];

/**
 * Tries encoders, for what is built in is not what works: it lists those of graphics cards that are not there. Two frames
 * of black tell, or a tenth of a second of silence; once in the life of a process.
 *
 * Those that need no graphics card are tried in one run, which as a rule goes well; what does not is tried by itself.
 */
export function createEncoderProbe({ run }: Pick<Ffmpeg, 'run'>): Ffmpeg['encoders'] {
  const known = new Map<string, EncoderState>();
  return async (names, signal) => {
    const untried = names.filter((name) => !known.has(name));
    const plain = untried.filter((name) => !GRAPHICS_CARD.test(name));
    if (plain.length > 1 && (await doAllWork(plain, signal))) {
      for (const name of plain) known.set(name, 'works');
    }
    for (const name of untried) if (!known.has(name)) known.set(name, await tried(name, signal));
    return new Map([...known].filter(([name]) => names.includes(name)));
  };

  async function doAllWork(names: readonly string[], signal: AbortSignal): Promise<boolean> {
    const outputs = names.flatMap((name) => [...outputOf(name), '-f', 'null', '-']);
    return (await failureOf([...BLACK, ...SILENCE, ...outputs], signal)) === undefined;
  }

  async function tried(name: string, signal: AbortSignal): Promise<EncoderState> {
    const failure = await failureOf([...trial(name), '-f', 'null', '-'], signal);
    if (failure === undefined) return 'works';
    const isUnknown = hasCode(failure, 'FFMPEG_FAILED') && /Unknown encoder/.test(failure.message);
    return isUnknown ? 'unknown' : 'fails';
  }

  /** Why a run goes wrong; `undefined`: it goes well. */
  async function failureOf(args: readonly string[], signal: AbortSignal): Promise<Error | undefined> {
    try {
      await run({ args, signal });
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (hasCode(error, 'TOOL_MISSING')) throw error;
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}

function trial(name: string): string[] {
  const input = AUDIO.includes(name) ? SILENCE : BLACK;
  return [...(name.endsWith('_vaapi') ? VAAPI : []), ...input, ...outputOf(name)];
}

function outputOf(name: string): string[] {
  if (AUDIO.includes(name)) return ['-t', '0.1', '-c:a', name];
  const pixels = name.endsWith('_vaapi') ? ['-vf', 'format=nv12,hwupload'] : ['-pix_fmt', 'yuv420p'];
  return ['-frames:v', '2', ...pixels, '-c:v', name];
}
