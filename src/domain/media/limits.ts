import { KnownError } from '../errors.ts';
import { type MediaFile, perSecond } from './media-file.ts';

/** What is more than that is refused before anything of it is decoded. */
const MOST = { px: 8192, framesPerS: 120, hours: 24, streams: 64 };

/**
 * Lets through what this machine can be asked to decode.
 *
 * @throws KnownError `MEDIA_REFUSED`
 */
export function requireWithinLimits(file: MediaFile): void {
  const { video, audio, durationS = 0, streamCount } = file;
  if (video === undefined && audio === undefined)
    refuse('it has neither pictures nor sound that can be read');
  if (streamCount > MOST.streams) refuse(`it has ${streamCount} streams, and ${MOST.streams} are the most`);
  if (durationS > MOST.hours * 3600) {
    refuse(`it is ${Math.round(durationS / 3600)} hours long, and ${MOST.hours} are the most`);
  }
  if (video === undefined) return;
  const { widthPx, heightPx, averageRate } = video;
  if (Math.max(widthPx, heightPx) > MOST.px) {
    refuse(`its pictures are ${widthPx} × ${heightPx}, and ${MOST.px} are the most`);
  }
  const rate = averageRate === undefined ? 0 : perSecond(averageRate);
  // What is counted of a short file is a little off.
  if (rate > MOST.framesPerS * 1.01) {
    refuse(`it has ${Math.round(rate)} pictures per second, and ${MOST.framesPerS} are the most`);
  }
}

function refuse(why: string): never {
  throw new KnownError(`The file is not worked on: ${why}`, { code: 'MEDIA_REFUSED' });
}
