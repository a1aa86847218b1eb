import type { Config } from '../../config/config.ts';
import { hasCode } from '../../domain/errors.ts';
import { type Finding, ok, skip, warn } from '../../domain/finding.ts';
import { createFfmpeg } from '../../outside/ffmpeg/driver.ts';
import { KNOWN_ENCODERS } from '../../outside/ffmpeg/encoders.ts';

/** Without these nothing can be made that every browser plays. */
const NEEDED = ['libx264', 'aac'];

/** What this machine can encode: what is built in is tried. */
export async function checkFfmpeg({ media }: Config, signal: AbortSignal): Promise<Finding> {
  if (media.ffmpeg === undefined) return skip('FFMPEG is none: nothing can be encoded');
  try {
    const states = await createFfmpeg(media.ffmpeg).encoders(KNOWN_ENCODERS, signal);
    const works = KNOWN_ENCODERS.filter((name) => states.get(name) === 'works');
    const fails = KNOWN_ENCODERS.filter((name) => states.get(name) === 'fails');
    const text = [
      `encodes ${works.join(', ') || 'nothing'}`,
      ...(fails.length === 0 ? [] : [`built in, and not usable here: ${fails.join(', ')}`]),
    ].join('; ');
    if (NEEDED.every((name) => works.includes(name))) return ok(text);
    const lacking = NEEDED.filter((name) => !works.includes(name)).join(' and ');
    return warn(
      text,
      `Install an ffmpeg with ${lacking}: apt-get install ffmpeg, or name another one in FFMPEG.`,
    );
  } catch (error) {
    if (!hasCode(error, 'TOOL_MISSING')) throw error;
    return warn(
      `${error.message}: no video can be packaged or changed`,
      'Install it (apt-get install ffmpeg), name it in FFMPEG, or set that to none.',
    );
  }
}
