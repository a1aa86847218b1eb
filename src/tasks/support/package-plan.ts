import {
  canCopySound,
  hidesItsBeginning,
  type PacketFacts,
  whyNotCopied,
} from '../../domain/media/copy-rule.ts';
import { even } from '../../domain/media/encoding.ts';
import { copiedRung, ladderFor, type Rung, type WantedLadder } from '../../domain/media/ladder.ts';
import type { Wrapping } from '../../domain/media/manifests.ts';
import {
  type FrameRate,
  type MediaFile,
  perSecond,
  shownSize,
  type VideoStream,
} from '../../domain/media/media-file.ts';
import { type MarkPosition, overlayOf } from '../../domain/media/overlay.ts';
import { evenRate, isHdr, READ_ANYHOW, repairChain, SOUND } from '../../domain/media/repair.ts';

export type VideoCodec = 'h264' | 'hevc' | 'vp9';

export interface PackageWishes {
  readonly codec: VideoCodec;
  readonly ladder: WantedLadder;
  readonly segmentS: number;
  readonly audioBitsPerS: number;
  readonly effort: 'usual' | 'hurry';
  readonly segments: Wrapping;
  /** A picture that is drawn on the film, which is the second input. */
  readonly mark?: { readonly position: MarkPosition; readonly share: number } | undefined;
  /** The shorter side of the largest rendition that is encoded, at most. */
  readonly mostPx?: number | undefined;
}

/** A stream of the package to be: by its place among those that ffmpeg writes. */
export interface PlannedTrack {
  readonly id: string;
  readonly kind: 'video' | 'audio';
  readonly wrapping: Wrapping;
  readonly isCopied: boolean;
  readonly rung?: Rung;
  readonly rate?: FrameRate | undefined;
}

export interface PackagePlan {
  readonly tracks: readonly PlannedTrack[];
  /** What stands before the input, and behind it. */
  readonly before: readonly string[];
  readonly behind: readonly string[];
  /** The most that it will take on the disk. */
  readonly mostBytes: number;
}

/** What ffmpeg calls the encoder of a codec. */
export const ENCODERS: Readonly<Record<VideoCodec, string>> = {
  h264: 'libx264',
  hevc: 'libx265',
  vp9: 'libvpx-vp9',
};

/** Where no more is known of what is copied, it is taken for so much. */
const UNKNOWN_BITS_PER_S = 20_000_000;

/**
 * Plans one run of ffmpeg that makes all renditions: one decode, one cut of each into segments of CMAF, which HLS and DASH
 * share. The film is copied as the largest one where that is allowed; the others get their keyframes where it has them.
 *
 * @param scan Of the film's packets, where it may be copied.
 */
export function planPackage(
  file: MediaFile,
  wishes: PackageWishes,
  scan: PacketFacts | undefined,
): PackagePlan {
  const { video, audio } = file;
  const { segments: wrapping } = wishes;
  const isCopied =
    video !== undefined &&
    scan !== undefined &&
    whyNotCopied({ ...file, video }, scan) === undefined &&
    // A transport stream has no edit list to hide it by.
    !(wrapping === 'ts' && hidesItsBeginning(scan));
  const rungs = video === undefined ? [] : ladderFor(video, wishes.ladder, isCopied, wishes.mostPx);
  const rate = video === undefined || isCopied ? undefined : evenRate(video);
  const films: PlannedTrack[] = rungs.map((rung) => ({
    id: rung.name,
    kind: 'video',
    wrapping,
    isCopied: false,
    rung,
    rate,
  }));
  if (video !== undefined && isCopied) {
    const rung = copiedRung(video, scan.bitsPerS);
    films.unshift({ id: rung.name, kind: 'video', wrapping, isCopied: true, rung });
  }
  const isSoundCopied = audio !== undefined && canCopySound(audio) && (isCopied || video === undefined);
  const sound: PlannedTrack[] =
    audio === undefined ? [] : [{ id: 'audio', kind: 'audio', wrapping, isCopied: isSoundCopied }];
  // In transport streams each film has the sound with it.
  const isTogether = wrapping === 'ts' && films.length > 0;
  const tracks = isTogether ? films : [...films, ...sound];
  const sounds = audio === undefined ? 0 : isTogether ? films.length : 1;
  const encoded = films.filter((track) => !track.isCopied);
  const filters =
    video === undefined || encoded.length === 0
      ? []
      : [...filterThreads(video), '-filter_complex', graph(file, encoded, rate, wishes.mark)];
  const gop = rate === undefined ? undefined : Math.max(1, Math.round(wishes.segmentS * perSecond(rate)));
  const cutS = gop === undefined || rate === undefined ? wishes.segmentS : gop / perSecond(rate);
  // Cut at the first keyframe behind it: a hair less than the distance between two of them, whatever is rounded.
  const cutAtS = (cutS * 0.99).toFixed(6);

  return {
    tracks,
    before: READ_ANYHOW,
    behind: [
      ...filters,
      ...films.flatMap((track) => ['-map', track.isCopied ? `0:${video?.index}` : `[${labelOf(track)}]`]),
      ...Array(sounds)
        .fill(['-map', `0:${audio?.index}`])
        .flat(),
      ...films.flatMap((track, at) =>
        track.isCopied ? [`-c:v:${at}`, 'copy'] : encoding(track, at, wishes, gop),
      ),
      ...(audio === undefined ? [] : soundArgs(wishes, isSoundCopied)),
      ...['-map_metadata', '-1', '-map_chapters', '-1', '-sn', '-dn', '-max_muxing_queue_size', '1024'],
      ...['-fflags', '+bitexact'],
      ...(wrapping === 'ts'
        ? streamsArgs(films.length, sounds, cutAtS)
        : fragmentsArgs(films.length, sounds, cutAtS)),
    ],
    mostBytes: mostBytes(file, tracks, wishes),
  };
}

const labelOf = ({ id }: PlannedTrack) => `v${id}`;

/** So much larger than a rendition is the one that it is made of: of one that is hardly larger it would be blurred twice. */
const MADE_OF_LARGER = 1.45;

/** Repaired once, at the size of the largest rendition; each smaller one is made of the next larger. */
function graph(
  file: MediaFile,
  encoded: readonly PlannedTrack[],
  rate: FrameRate | undefined,
  mark: PackageWishes['mark'],
): string {
  const { video } = file;
  const rungs = encoded.flatMap(({ rung }) => (rung === undefined ? [] : [rung]));
  const [largest] = rungs;
  if (video === undefined || largest === undefined) return '';
  const { widthPx, heightPx } = shownSize(video);
  // One shape in all of them, to the digit, or the muxer refuses them.
  const shape = `setdar=${Math.round(widthPx)}/${Math.round(heightPx)}`;
  const madeOf = rungs.map((rung, at) => largerThan(rung, rungs.slice(0, at)));
  const parts = encoded.map((track, at) => {
    const { widthPx: w, heightPx: h } = rungs[at] ?? largest;
    const made =
      at === 0
        ? marked(`[0:${video.index}]${repairChain(video, largest, rate).join(',')}`, largest, mark)
        : `[s${at}]scale=${w}:${h}`;
    const smaller = madeOf.flatMap((of, other) => (of === at && other > 0 ? [`[s${other}]`] : []));
    const own = `${shape}[${labelOf(track)}]`;
    if (smaller.length === 0) return `${made},${own}`;
    return `${made},split=${smaller.length + 1}[o${at}]${smaller.join('')};[o${at}]${own}`;
  });
  return parts.join(';');
}

function marked(film: string, { widthPx }: Rung, mark: PackageWishes['mark']): string {
  if (mark === undefined) return film;
  return overlayOf(film, { markWidthPx: even(widthPx * mark.share), position: mark.position });
}

/** The place of the smallest of these that is clearly larger; else of the first. */
function largerThan({ widthPx, heightPx }: Rung, rungs: readonly Rung[]): number {
  const at = rungs.findLastIndex(
    (other) => other.widthPx >= MADE_OF_LARGER * widthPx && other.heightPx >= MADE_OF_LARGER * heightPx,
  );
  return Math.max(0, at);
}

/** One thread for filters where they are little work: the encoders keep all cores busy by themselves. */
function filterThreads(video: VideoStream): string[] {
  return isHdr(video) || video.isInterlaced ? [] : ['-filter_complex_threads', '1'];
}

function encoding(track: PlannedTrack, at: number, wishes: PackageWishes, gop: number | undefined): string[] {
  const { codec, effort } = wishes;
  const of = (name: string, value: string | number) => [`-${name}:v:${at}`, String(value)];
  const most = track.rung?.maxBitsPerS ?? 0;
  const isHurried = effort === 'hurry';
  // Beside a film that is copied: a keyframe wherever that has one, and nowhere else.
  const keyframes = gop === undefined ? of('force_key_frames', 'source') : [];
  const frames = gop === undefined ? of('fps_mode', 'passthrough') : [];
  const distance = gop ?? 9999;
  const all = [
    ...of('c', ENCODERS[codec]),
    ...of('pix_fmt', 'yuv420p'),
    ...keyframes,
    ...frames,
    ...of('g', distance),
  ];
  if (codec === 'h264') {
    return [
      ...all,
      ...of('preset', isHurried ? 'ultrafast' : 'veryfast'),
      ...(isHurried ? [] : of('profile', 'high')),
      ...(gop === undefined ? [] : of('keyint_min', gop)),
      ...of('sc_threshold', 0),
      ...of('crf', 23),
      ...of('maxrate', most),
      ...of('bufsize', 2 * most),
    ];
  }
  if (codec === 'hevc') {
    const own = [`keyint=${distance}`, ...(gop === undefined ? [] : [`min-keyint=${gop}`])];
    return [
      ...all,
      ...of('preset', isHurried ? 'ultrafast' : 'veryfast'),
      ...of('x265-params', [...own, 'scenecut=0', 'open-gop=0', 'log-level=error'].join(':')),
      ...of('crf', 26),
      ...of('maxrate', most),
      ...of('bufsize', 2 * most),
      // Safari plays it under no other name.
      ...of('tag', 'hvc1'),
    ];
  }
  return [
    ...all,
    ...(gop === undefined ? [] : of('keyint_min', gop)),
    ...of('deadline', isHurried ? 'realtime' : 'good'),
    ...of('cpu-used', isHurried ? 8 : 4),
    ...of('row-mt', 1),
    ...of('crf', 33),
    ...of('b', most),
  ];
}

function soundArgs({ audioBitsPerS }: PackageWishes, isCopied: boolean): string[] {
  if (isCopied) return ['-c:a', 'copy'];
  return ['-c:a', 'aac', '-b:a', String(audioBitsPerS), ...SOUND];
}

/** Each stream by itself; each segment gets its name once it is whole. */
function fragmentsArgs(films: number, sounds: number, cutAtS: string): string[] {
  return [
    ...['-f', 'dash', '-dash_segment_type', 'mp4'],
    ...['-seg_duration', cutAtS, '-use_template', '1', '-use_timeline', '1'],
    ...['-adaptation_sets', adaptationSets(films > 0, sounds > 0)],
    ...['-init_seg_name', 'init_$RepresentationID$.mp4'],
    ...['-media_seg_name', '$RepresentationID$_$Number%05d$.m4s', 'cut.mpd'],
  ];
}

/** Each film with its sound, in the same way. A frame has a packet of its own, so that each says when it is. */
function streamsArgs(films: number, sounds: number, cutAtS: string): string[] {
  const variants = Array.from({ length: Math.max(films, 1) }, (_, at) =>
    [...(films > 0 ? [`v:${at}`] : []), ...(sounds > 0 ? [`a:${at}`] : [])].join(','),
  );
  return [
    ...['-f', 'hls', '-hls_segment_type', 'mpegts', '-hls_time', cutAtS, '-hls_list_size', '0'],
    ...['-hls_flags', 'independent_segments+temp_file', '-start_number', '1'],
    ...['-hls_segment_options', 'pes_payload_size=0', '-var_stream_map', variants.join(' ')],
    ...['-hls_segment_filename', '%v_%05d.ts', 'cut_%v.m3u8'],
  ];
}

function adaptationSets(hasFilms: boolean, hasSound: boolean): string {
  if (!hasSound) return 'id=0,streams=v';
  return hasFilms ? 'id=0,streams=v id=1,streams=a' : 'id=0,streams=a';
}

/** The ceilings hold on the whole, and a little comes on top of the streams. */
function mostBytes(
  { durationS = 0 }: MediaFile,
  tracks: readonly PlannedTrack[],
  wishes: PackageWishes,
): number {
  const isStream = wishes.segments === 'ts';
  const bits = tracks.map(
    ({ kind, rung }) =>
      (kind === 'audio' ? 0 : (rung?.maxBitsPerS ?? UNKNOWN_BITS_PER_S)) +
      (kind === 'audio' || isStream ? wishes.audioBitsPerS : 0),
  );
  const share = isStream ? 1.2 : 1.05;
  return Math.ceil((bits.reduce((sum, each) => sum + each, 0) / 8) * durationS * share) + 1_000_000;
}
