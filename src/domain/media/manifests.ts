import type { FrameRate } from './media-file.ts';

/**
 * What segments are: fragments of MP4 that share a header (CMAF), each stream apart; or transport streams, which old players want,
 * pictures and sound together.
 */
export type Wrapping = 'fmp4' | 'ts';

/** One stream of a package, cut into segments. */
export interface Track {
  /** Unique in its package: `720p`, `audio`. */
  readonly id: string;
  readonly kind: 'video' | 'audio';
  readonly wrapping: Wrapping;
  /** Where its segments lie, seen from the manifests, with a slash at the end: nothing if beside them. */
  readonly folder: string;
  /** As RFC 6381 names it. */
  readonly codecs: string;
  /** Units of time per second. */
  readonly timescale: number;
  readonly segments: readonly Segment[];
  /** Of a film. */
  readonly widthPx?: number;
  readonly heightPx?: number;
  readonly rate?: FrameRate;
  /** Of sound. */
  readonly channels?: number;
  readonly sampleRateHz?: number;
}

/** Times are in units of its track. */
export interface Segment {
  readonly start: number;
  readonly duration: number;
  readonly bytes: number;
}

/** A file of a package that names others. */
export interface Manifest {
  readonly name: string;
  readonly mediaType: string;
  readonly text: string;
}

/** How long browsers and caches may keep what is of a package: what names other files may change, and is asked for anew. */
export const KEPT = { segments: 'public, max-age=31536000, immutable', manifests: 'public, max-age=60' };

export const HLS_MASTER = 'master.m3u8';
export const DASH_MANIFEST = 'manifest.mpd';

/** What playlists of HLS and the manifest of DASH are served as. */
export const HLS_TYPE = 'application/vnd.apple.mpegurl';
export const DASH_TYPE = 'application/dash+xml';

/** What the segments of a track are called. */
export const initName = ({ id }: Pick<Track, 'id'>) => `${id}_init.mp4`;
export const segmentName = ({ id, wrapping }: Pick<Track, 'id' | 'wrapping'>, number: number) =>
  `${id}_${String(number).padStart(5, '0')}.${wrapping === 'ts' ? 'ts' : 'm4s'}`;

const playlistName = ({ id }: Pick<Track, 'id'>) => `${id}.m3u8`;

/**
 * Bits per second: on the whole, and the most of any segments in a row that together last about as long as one is meant
 * to (RFC 8216, section 4.1: half as long to one and a half times).
 */
export function bitRates({ segments, timescale }: Track): { averageBitsPerS: number; peakBitsPerS: number } {
  const total = (of: readonly Segment[], what: 'bytes' | 'duration') =>
    of.reduce((sum, segment) => sum + segment[what], 0);
  const rate = (bytes: number, duration: number) =>
    Math.ceil((8 * bytes * timescale) / Math.max(1, duration));
  const averageBitsPerS = rate(total(segments, 'bytes'), total(segments, 'duration'));
  const target = targetS({ segments, timescale }) * timescale;
  let peakBitsPerS = averageBitsPerS;
  for (let first = 0; first < segments.length; first += 1) {
    let bytes = 0;
    let duration = 0;
    for (const segment of segments.slice(first)) {
      bytes += segment.bytes;
      duration += segment.duration;
      if (duration > 1.5 * target) break;
      if (duration >= 0.5 * target) peakBitsPerS = Math.max(peakBitsPerS, rate(bytes, duration));
    }
  }
  return { averageBitsPerS, peakBitsPerS };
}

/** How long a track lasts, in seconds. */
export function lengthS({ segments, timescale }: Pick<Track, 'segments' | 'timescale'>): number {
  return segments.reduce((sum, { duration }) => sum + duration, 0) / timescale;
}

/** HLS (RFC 8216bis): one playlist for each track, and the one that names them, which is fetched first and so comes last. */
export function hlsPlaylists(tracks: readonly Track[]): readonly Manifest[] {
  const mediaType = HLS_TYPE;
  const media = tracks.map((track) => ({ name: playlistName(track), mediaType, text: mediaPlaylist(track) }));
  return [...media, { name: HLS_MASTER, mediaType, text: masterPlaylist(tracks, '') }];
}

export type Format = 'hls' | 'dash';

/** The manifests of a package at which players begin, for a folder below which the others lie, with a slash at its end. */
export function outerManifest(format: Format, tracks: readonly Track[], below: string): Manifest {
  const seen = tracks.map((track) => ({ ...track, folder: `${below}${track.folder}` }));
  const text = format === 'hls' ? masterPlaylist(tracks, below) : dashManifest(seen).text;
  return { name: outerName(format), mediaType: typeOf(format), text };
}

/** What a copy of that is called among the others. */
export const outerName = (format: Format) => (format === 'hls' ? 'outer.m3u8' : 'outer.mpd');

/** What a manifest at which players begin is served as. */
export const typeOf = (format: Format) => (format === 'hls' ? HLS_TYPE : DASH_TYPE);

/** The keys of these manifests by one that somebody has named: that one, or of two those with its name and the usual endings. */
export function manifestKeys(
  named: string,
  formats: readonly Format[],
): Readonly<Partial<Record<Format, string>>> {
  const [only] = formats;
  if (only !== undefined && formats.length === 1) return { [only]: named };
  const stem = named.replace(/\.(m3u8|mpd)$/, '');
  return { hls: `${stem}.m3u8`, dash: `${stem}.mpd` };
}

/** The longest segment in whole seconds, which players plan by. */
function targetS({ segments, timescale }: Pick<Track, 'segments' | 'timescale'>): number {
  return Math.max(1, Math.round(Math.max(...segments.map(({ duration }) => duration)) / timescale));
}

function mediaPlaylist(track: Track): string {
  const lines = track.segments.flatMap(({ duration }, at) => [
    `#EXTINF:${(duration / track.timescale).toFixed(6)},`,
    `${track.folder}${segmentName(track, at + 1)}`,
  ]);
  const isStream = track.wrapping === 'ts';
  return text([
    '#EXTM3U',
    versionOf(track),
    `#EXT-X-TARGETDURATION:${targetS(track)}`,
    '#EXT-X-MEDIA-SEQUENCE:1',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    '#EXT-X-INDEPENDENT-SEGMENTS',
    ...(isStream ? [] : [`#EXT-X-MAP:URI="${track.folder}${initName(track)}"`]),
    ...lines,
    '#EXT-X-ENDLIST',
  ]);
}

/** A header of its own is of version 6 and later (RFC 8216bis, section 8). */
const versionOf = ({ wrapping }: Pick<Track, 'wrapping'>) => `#EXT-X-VERSION:${wrapping === 'ts' ? 3 : 7}`;

/** @param below Where the playlists lie, seen from it, with a slash at the end: nothing if beside it. */
function masterPlaylist(tracks: readonly Track[], below: string): string {
  const films = tracks.filter(({ kind }) => kind === 'video');
  const [sound] = tracks.filter(({ kind }) => kind === 'audio');
  const lines = ['#EXTM3U', versionOf(tracks[0] ?? { wrapping: 'fmp4' }), '#EXT-X-INDEPENDENT-SEGMENTS'];
  if (films.length > 0 && sound !== undefined) {
    const channels = sound.channels === undefined ? '' : `CHANNELS="${sound.channels}",`;
    lines.push(
      `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,${channels}URI="${below}${playlistName(sound)}"`,
    );
  }
  const withSound = films.length > 0 ? sound : undefined;
  for (const track of films.length > 0 ? films : tracks) {
    const own = bitRates(track);
    const added = withSound && bitRates(withSound);
    const attributes = [
      `BANDWIDTH=${own.peakBitsPerS + (added?.peakBitsPerS ?? 0)}`,
      `AVERAGE-BANDWIDTH=${own.averageBitsPerS + (added?.averageBitsPerS ?? 0)}`,
      `CODECS="${[track.codecs, ...(withSound ? [withSound.codecs] : [])].join(',')}"`,
      ...(track.widthPx === undefined ? [] : [`RESOLUTION=${track.widthPx}x${track.heightPx}`]),
      ...(track.rate === undefined ? [] : [`FRAME-RATE=${(track.rate.over / track.rate.under).toFixed(3)}`]),
      ...(withSound ? ['AUDIO="audio"'] : []),
    ];
    lines.push(`#EXT-X-STREAM-INF:${attributes.join(',')}`, `${below}${playlistName(track)}`);
  }
  return text(lines);
}

/** DASH (ISO/IEC 23009-1) over the same segments: one period, a set of films of which a player chooses, and one of sound. */
export function dashManifest(tracks: readonly Track[]): Manifest {
  const sets = (['video', 'audio'] as const)
    .map((kind) => tracks.filter((track) => track.kind === kind))
    .filter((set) => set.length > 0);
  const longest = Math.max(
    ...tracks.map(({ segments, timescale }) =>
      Math.max(...segments.map((each) => each.duration / timescale)),
    ),
  );
  const lines = [
    '<?xml version="1.0" encoding="utf-8"?>',
    [
      '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static"',
      `mediaPresentationDuration="${duration(Math.max(...tracks.map(lengthS)))}"`,
      `maxSegmentDuration="${duration(longest)}"`,
      `minBufferTime="${duration(2 * longest)}">`,
    ].join(' '),
    '  <Period id="0" start="PT0S">',
    ...sets.flatMap((set, id) => adaptationSet(set, id)),
    '  </Period>',
    '</MPD>',
  ];
  return { name: DASH_MANIFEST, mediaType: DASH_TYPE, text: text(lines) };
}

function adaptationSet(tracks: readonly Track[], id: number): string[] {
  const [first] = tracks;
  if (first === undefined) return [];
  const of = [
    `contentType="${first.kind}" mimeType="${first.kind}/mp4" startWithSAP="1"`,
    ...(tracks.length > 1 ? ['segmentAlignment="true"'] : []),
  ].join(' ');
  return [`    <AdaptationSet id="${id}" ${of}>`, ...tracks.flatMap(representation), '    </AdaptationSet>'];
}

function representation(track: Track): string[] {
  const { id, folder, codecs, widthPx, heightPx, rate, sampleRateHz, channels, timescale } = track;
  const attributes = [
    `id="${id}" codecs="${codecs}" bandwidth="${bitRates(track).peakBitsPerS}"`,
    ...(widthPx === undefined ? [] : [`width="${widthPx}" height="${heightPx}" sar="1:1"`]),
    ...(rate === undefined ? [] : [`frameRate="${rate.over}/${rate.under}"`]),
    ...(sampleRateHz === undefined ? [] : [`audioSamplingRate="${sampleRateHz}"`]),
  ].join(' ');
  const configuration =
    '<AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011"';
  const names = `initialization="${folder}${id}_init.mp4" media="${folder}${id}_$Number%05d$.m4s" startNumber="1"`;
  return [
    `      <Representation ${attributes}>`,
    ...(channels === undefined ? [] : [`        ${configuration} value="${channels}"/>`]),
    `        <SegmentTemplate timescale="${timescale}" ${names}>`,
    '          <SegmentTimeline>',
    ...timeline(track).map((line) => `            ${line}`),
    '          </SegmentTimeline>',
    '        </SegmentTemplate>',
    '      </Representation>',
  ];
}

/** Segments of one length in a row are said once. */
function timeline({ segments }: Track): string[] {
  const runs: { t: number; d: number; more: number }[] = [];
  let end: number | undefined;
  for (const { start, duration: d } of segments) {
    const last = runs.at(-1);
    if (last !== undefined && last.d === d && start === end) last.more += 1;
    else runs.push({ t: start, d, more: 0 });
    end = start + d;
  }
  return runs.map(({ t, d, more }) => `<S t="${t}" d="${d}"${more === 0 ? '' : ` r="${more}"`}/>`);
}

function duration(seconds: number): string {
  return `PT${seconds.toFixed(6).replace(/\.?0+$/, '')}S`;
}

function text(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
