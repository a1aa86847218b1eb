import type { VideoStream } from '../../domain/media/media-file.ts';
import type { MediaWork } from './media-step.ts';

/**
 * The longest way from one picture that can be shown by itself to the next, or from the last one to the end, in seconds.
 * The file is read to its end, and nothing of it decoded.
 */
export async function largestGapS(
  { run, input }: Pick<MediaWork<unknown>, 'run' | 'input'>,
  video: VideoStream,
): Promise<number> {
  let lastS: number | undefined;
  let endS = 0;
  let largestS = 0;
  const read = readPackets(({ atS, isKey }) => {
    endS = Math.max(endS, atS);
    if (!isKey) return;
    largestS = Math.max(largestS, atS - (lastS ?? 0));
    lastS = Math.max(lastS ?? 0, atS);
  });
  await run({ args: [...input.args, '-map', `0:${video.index}`, ...PACKETS], onOutput: read });
  return Math.max(largestS, endS - (lastS ?? 0));
}

/** Where a part begins that is cut at this moment without being encoded, in seconds: at the keyframe before. */
export async function keyframeBefore(
  { run, input }: Pick<MediaWork<unknown>, 'run' | 'input'>,
  video: VideoStream,
  atS: number,
): Promise<number> {
  if (atS === 0) return 0;
  let firstS: number | undefined;
  const onOutput = readPackets((packet) => {
    firstS ??= packet.atS;
  });
  const seek = ['-ss', String(atS), ...input.args, '-map', `0:${video.index}`, '-frames:v', '1'];
  await run({ args: [...seek, ...PACKETS], onOutput });
  return Math.max(0, Math.round(1000 * (atS + (firstS ?? 0))) / 1000);
}

/** Has each packet told, as it is: its time, and whether it is a keyframe. */
const PACKETS = ['-c', 'copy', '-f', 'framecrc', 'pipe:1'];

/** Reads what ffmpeg tells of packets: `0, dts, pts, duration, size, crc`, and flags where it is no keyframe. */
function readPackets(found: (packet: { readonly atS: number; readonly isKey: boolean }) => void) {
  let perTickS = 0;
  let rest = '';
  return (chunk: Buffer): void => {
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const base = /^#tb 0: (\d+)\/(\d+)/.exec(line);
      if (base !== null) perTickS = Number(base[1]) / Number(base[2]);
      if (line.startsWith('#')) continue;
      const [, , pts = '', , , , flags] = line.split(',');
      if (/\d/.test(pts))
        found({ atS: Number(pts) * perTickS, isKey: flags === undefined || !/F=/.test(flags) });
    }
  };
}
