import { type FrameRate, perSecond, shownSize, type VideoStream } from './media-file.ts';

/** Brightness that only some screens can show. */
const HDR: readonly (string | undefined)[] = ['smpte2084', 'arib-std-b67'];

/** Rates that films are shown in; those whose frames come as they like get the next one above. */
const RATES = [25, 30, 50, 60];

const MOST_PER_S = 60;

/** By so much two rates may differ, and be the same. */
const SAME_RATE = 0.01;

/** An input is read as well as it can be, where its times jump or are missing. */
export const READ_ANYHOW = ['-fflags', '+genpts+discardcorrupt'];

/** Sound in two channels and at one rate, from the first moment on; where some is missing there is silence. */
export const SOUND = ['-ac', '2', '-ar', '48000', '-af', 'aresample=async=1:first_pts=0'];

/**
 * The rate that a film is given: its own, where its frames come at even times. Segments of different renditions begin at
 * the same times only if all have one.
 */
export function evenRate({ nominalRate, averageRate }: VideoStream): FrameRate {
  const average = averageRate === undefined ? undefined : perSecond(averageRate);
  const nominal = nominalRate === undefined ? undefined : perSecond(nominalRate);
  const isEven =
    average !== undefined && nominal !== undefined && Math.abs(nominal - average) <= SAME_RATE * average;
  if (isEven && nominalRate !== undefined) {
    let { over, under } = nominalRate;
    while (over / under > MOST_PER_S * (1 + SAME_RATE)) under *= 2;
    return { over, under };
  }
  const wanted = average ?? RATES[0] ?? MOST_PER_S;
  return { over: RATES.find((rate) => rate >= wanted * (1 - SAME_RATE)) ?? MOST_PER_S, under: 1 };
}

/** Whether a film needs more than to be made smaller. */
export function isHdr({ transfer }: VideoStream): boolean {
  return HDR.includes(transfer);
}

/**
 * The filters that make of whatever is in a file a film that every browser shows, of one size throughout: turned upright
 * (which ffmpeg does by itself), without combs, at an even rate, with square pixels, in 8 bits and standard brightness. They
 * stand before the film is split into renditions.
 *
 * @param size The largest rendition's.
 * @param rate `undefined`: its frames stay as they come, which is for what stands beside a film that is copied.
 */
export function repairChain(
  video: VideoStream,
  size: { readonly widthPx: number; readonly heightPx: number },
  rate: FrameRate | undefined,
): string[] {
  const { widthPx: w, heightPx: h } = size;
  const shown = shownSize(video);
  const aspect = (shown.widthPx / shown.heightPx).toFixed(6);
  // Some files change their size on the way: what has another shape then is fitted in, not stretched.
  const isSame = `lt(abs(dar/${aspect}-1),0.02)`;
  const fitW = `'if(${isSame},${w},max(2,2*trunc(min(${w},${h}*dar)/2)))'`;
  const fitH = `'if(${isSame},${h},max(2,2*trunc(min(${h},${w}/dar)/2)))'`;
  const bars = `pad=${w}:${h}:-1:-1`;
  const deinterlace = video.isInterlaced ? ['bwdif=mode=send_frame:parity=auto:deint=interlaced'] : [];
  const even = rate === undefined ? [] : [`fps=${rate.over}/${rate.under}`];
  if (isHdr(video)) {
    return [
      ...deinterlace,
      ...even,
      ...meantColours(video),
      // Made smaller first: what comes then is much work.
      `zscale=w=${w}:h=${h}`,
      'zscale=t=linear:npl=100',
      'format=gbrpf32le',
      'zscale=p=bt709',
      'tonemap=tonemap=hable:desat=0',
      'zscale=t=bt709:m=bt709:r=tv',
      'format=yuv420p',
      'setsar=1',
    ];
  }
  return [
    ...deinterlace,
    ...even,
    `scale=w=${fitW}:h=${fitH}:in_range=auto:out_range=tv`,
    'format=yuv420p',
    bars,
    // Even sides may have made them a hair less than square.
    'setsar=1',
  ];
}

/** HDR that does not say which colours it has is meant in those of BT.2020; without any nobody can turn it into others. */
function meantColours({ primaries, matrix }: VideoStream): string[] {
  const unknown = [undefined, 'unknown', 'unspecified', 'reserved'];
  const said = [
    ...(unknown.includes(primaries) ? ['color_primaries=bt2020'] : []),
    ...(unknown.includes(matrix) ? ['colorspace=bt2020nc'] : []),
  ];
  return said.length === 0 ? [] : [`setparams=${said.join(':')}`];
}
