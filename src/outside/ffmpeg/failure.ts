import { KnownError, type KnownErrorOptions, machineTrouble, systemCode } from '../../domain/errors.ts';
import type { Cost } from '../../domain/media/cost.ts';
import { slackS } from '../../domain/media/output.ts';
import { byteSize } from '../../lib/byte-size.ts';

/** How a run of ffmpeg came to its end. */
export interface Ending {
  readonly exitCode: number | null;
  readonly endedBy: string | null;
  /** It could not even be started. */
  readonly spawnError: Error | undefined;
  /** By us. */
  readonly whyKilled: Failure | undefined;
  /** Its last words. */
  readonly lines: readonly string[];
  readonly command: string;
  readonly cost: Cost;
}

type Failure = Pick<KnownErrorOptions, 'code' | 'retry'> & { readonly message: string };

/** What it says where there is no room; the system's words in English, for it is run without a language. */
const NO_ROOM = /no space left on device|disk quota exceeded/i;

/** What it says of an input of which it can make nothing. */
const BROKEN =
  /moov atom not found|invalid data found when processing input|error opening input|could not find codec parameters|not on whitelist|end of file$/i;

/** What it says of arguments that it cannot make anything of: a mistake of ours, whatever the file is. */
const MISUSED = /error parsing options|unrecognized option|cannot be applied to/i;

const isNoEpitaph = (line: string) => !/^(conversion failed!|error while filtering|exiting)/i.test(line);

/** Without the part of ffmpeg that says it, and where the file lies on this machine. */
function plain(line: string): string {
  return line.replace(/^\[[^\]]*\] ?/, '').replace(/^file:\/.*: (?=[^:]+$)/, '');
}

export function stalled(forS: number): Failure {
  return {
    message: `ffmpeg came no further for ${forS} s, and was ended`,
    code: 'FFMPEG_STALLED',
    retry: 'backoff',
  };
}

export function tooMuchMemory(rssBytes: number, maxBytes: number): Failure {
  return {
    message: `ffmpeg held ${byteSize(rssBytes)} of memory, and was ended: ${byteSize(maxBytes)} is the most`,
    code: 'FFMPEG_MEMORY',
  };
}

/** Whether it ended with less than was to come. */
export function isTooShort(outTimeS: number, expectedS: number): boolean {
  return expectedS - outTimeS > slackS(expectedS);
}

export function tooShort(of: { outTimeS: number; expectedS: number; cost: Cost }): KnownError {
  const { outTimeS, expectedS, cost } = of;
  const made = Math.round(outTimeS * 100) / 100;
  const wanted = Math.round(expectedS * 100) / 100;
  return new KnownError(`Only ${made} s of ${wanted} s could be made of the file`, {
    code: 'OUTPUT_TOO_SHORT',
    details: { cost },
  });
}

/** What went wrong, if something did. */
export function failureOf(ending: Ending): KnownError | undefined {
  const { exitCode, whyKilled, lines, cost } = ending;
  if (exitCode === 0 && whyKilled === undefined) return undefined;
  const { message, ...failure } = whyKilled ?? ownFailure(ending);
  const details = { cost, exitCode, lines: lines.slice(-10) };
  return new KnownError(message, { ...failure, cause: ending.spawnError, details });
}

function ownFailure({ exitCode, endedBy, spawnError, lines, command }: Ending): Failure {
  if (spawnError !== undefined) {
    const machine = machineTrouble(spawnError);
    if (machine !== undefined) return machine;
    const what =
      systemCode(spawnError) === 'ENOENT' ? 'setpriv (package util-linux) is not there' : spawnError.message;
    return { message: `ffmpeg cannot be run: ${what}`, code: 'TOOL_MISSING', retry: 'backoff' };
  }
  const words = lines.filter((line) => !/^\s|^(video:|Input #|Output #|Stream map)/.test(line));
  // The first of what it has to say tells the cause, and the last that it has given up.
  const said = plain(
    lines.find((line) => BROKEN.test(line)) ?? words.findLast(isNoEpitaph) ?? words.at(-1) ?? '',
  );
  if (exitCode === 126 || exitCode === 127) {
    return { message: `ffmpeg cannot be run: ${said || command}`, code: 'TOOL_MISSING', retry: 'backoff' };
  }
  if (lines.some((line) => NO_ROOM.test(line))) {
    return { message: `The disk is full (${said})`, code: 'DISK_FULL', retry: { waitMs: 30_000 } };
  }
  if (endedBy !== null) {
    return { message: `ffmpeg was killed (${endedBy})`, code: 'FFMPEG_FAILED', retry: 'backoff' };
  }
  if (lines.some((line) => BROKEN.test(line)) && !lines.some((line) => MISUSED.test(line))) {
    return { message: `The file cannot be read as audio or video: ${said}`, code: 'MEDIA_BROKEN' };
  }
  return { message: `ffmpeg ended with ${exitCode}: ${said}`, code: 'FFMPEG_FAILED', retry: 'backoff' };
}
