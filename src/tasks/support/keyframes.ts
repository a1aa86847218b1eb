import type { VideoStream } from '../../domain/media/media-file.ts';
import type { MediaWork } from './media-step.ts';

/**
 * Where a part begins that is cut at this moment without being encoded, in seconds: at the keyframe before; below 0 where that is one
 * that the film does not show, for an edit list has it begin later.
 */
export async function keyframeBefore(
  { run, input }: Pick<MediaWork<unknown>, 'run' | 'input'>,
  video: VideoStream,
  atS: number,
): Promise<number> {
  if (atS === 0) return 0;
  const seek = ['-ss', String(atS), ...input.args, '-map', `0:${video.index}`, '-frames:v', '1'];
  let told = '';
  await run({
    args: [...seek, ...PACKETS],
    onOutput: (chunk) => {
      told += chunk.toString('latin1');
    },
  });
  // `#tb 0: 1/12800`, and `0, dts, pts, …`, counted from the moment on.
  const [, over = 0, under = 1] = /^#tb 0: (\d+)\/(\d+)/m.exec(told) ?? [];
  const [, pts = 0] = /^0,\s*-?\d+,\s*(-?\d+)/m.exec(told) ?? [];
  const firstS = (Number(pts) * Number(over)) / Number(under);
  return Math.round(1000 * (atS + firstS)) / 1000;
}

/** Has each packet told, as it is. */
const PACKETS = ['-c', 'copy', '-f', 'framecrc', 'pipe:1'];
