import { escapeMarkup } from '../markup.ts';
import { DASH_MANIFEST, HLS_MASTER, HLS_TYPE, type Manifest } from './manifests.ts';

/** Captions of one language that lie beside the manifests of a package. */
export interface PackagedCaptions {
  /** What its files are called, without their endings; see `captionsName`. */
  readonly name: string;
  /** As BCP 47 has it: `en`, `pt-BR`. */
  readonly language: string;
  /** What players call it. */
  readonly label: string;
}

/** Of each transcript another one, so that to remove the files of one takes none of another of the same language. */
export function captionsName({ language, recordingId }: { language: string; recordingId: string }): string {
  return `captions-${language}-${recordingId.replace('rec_', '').slice(0, 8)}`;
}

export const vttName = ({ name }: Pick<PackagedCaptions, 'name'>) => `${name}.vtt`;
export const captionsPlaylistName = ({ name }: Pick<PackagedCaptions, 'name'>) => `${name}.m3u8`;

/**
 * A manifest of ours with these captions, in place of those that it named; the same for the same captions, however often.
 *
 * @param manifest The text of `master.m3u8` or `manifest.mpd`, which its name says.
 */
export function withCaptions(name: string, manifest: string, captions: readonly PackagedCaptions[]): string {
  if (name === HLS_MASTER) return masterWith(manifest, captions);
  if (name === DASH_MANIFEST) return mpdWith(manifest, captions);
  throw new Error(`${name} names no captions`);
}

/** The group that all of a master playlist are in. */
const GROUP = 'captions';

/** HLS (RFC 8216bis, section 4.4.6.1): off until somebody turns them on, or whose system says so. */
function masterWith(text: string, captions: readonly PackagedCaptions[]): string {
  const plain = text
    .replaceAll(/^#EXT-X-MEDIA:TYPE=SUBTITLES,.*\n/gm, '')
    .replaceAll(/,SUBTITLES="[^"]*"/g, '');
  if (captions.length === 0) return plain;
  const named = captions.map((each) => {
    const { label, language } = each;
    const told = `GROUP-ID="${GROUP}",NAME="${quotable(label)}",LANGUAGE="${language}"`;
    return `#EXT-X-MEDIA:TYPE=SUBTITLES,${told},DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="${captionsPlaylistName(each)}"\n`;
  });
  const grouped = plain.replaceAll(/^#EXT-X-STREAM-INF:.*$/gm, (line) => `${line},SUBTITLES="${GROUP}"`);
  const at = grouped.indexOf('#EXT-X-STREAM-INF:');
  return grouped.slice(0, at) + named.join('') + grouped.slice(at);
}

/** What a quoted string of a playlist may not hold. */
function quotable(label: string): string {
  return label.replaceAll(/["\r\n]/g, "'");
}

/** DASH (ISO/IEC 23009-1): each a set by itself, whose one representation is the whole file. */
function mpdWith(text: string, captions: readonly PackagedCaptions[]): string {
  const plain = text.replaceAll(
    / {4}<AdaptationSet id="\d+" contentType="text"[\s\S]*?<\/AdaptationSet>\n/g,
    '',
  );
  const first = plain.split('<AdaptationSet ').length - 1;
  const sets = captions.map((each, at) => {
    const { name, label, language } = each;
    return [
      `    <AdaptationSet id="${first + at}" contentType="text" mimeType="text/vtt" lang="${language}">`,
      `      <Label>${escapeMarkup(label)}</Label>`,
      '      <Role schemeIdUri="urn:mpeg:dash:role:2011" value="subtitle"/>',
      `      <Representation id="${name}" bandwidth="${CAPTIONS_BITS_PER_S}">`,
      `        <BaseURL>${vttName(each)}</BaseURL>`,
      '      </Representation>',
      '    </AdaptationSet>\n',
    ].join('\n');
  });
  return plain.replace('  </Period>', () => `${sets.join('')}  </Period>`);
}

/** What players plan with: about as much as somebody says who speaks fast. */
const CAPTIONS_BITS_PER_S = 256;

/** The playlist that HLS wants of captions: all of them are one segment, as long as the film. */
export function captionsPlaylist(
  captions: PackagedCaptions,
  { durationS }: { readonly durationS: number },
): Manifest {
  const lines = [
    '#EXTM3U',
    '#EXT-X-VERSION:3',
    `#EXT-X-TARGETDURATION:${Math.max(1, Math.ceil(durationS))}`,
    '#EXT-X-MEDIA-SEQUENCE:1',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    `#EXTINF:${durationS.toFixed(6)},`,
    vttName(captions),
    '#EXT-X-ENDLIST',
    '',
  ];
  const name = captionsPlaylistName(captions);
  return { name, mediaType: HLS_TYPE, text: lines.join('\n') };
}

/**
 * A transcript as players take it (WebVTT): with its signature, and times with points.
 *
 * @param startAt Where the film begins on the clock of its transport stream, in units of 90 kHz (RFC 8216bis, section
 * 3.5); `undefined`: it begins at 0.
 */
export function vttFor(transcript: string, startAt?: number): string {
  const lines = transcript.replaceAll(/\r\n?/g, '\n').trim().split('\n');
  const [signature = '', ...others] = lines;
  const isSigned = /^WEBVTT(\s|$)/.test(signature);
  const rest = (isSigned ? others : ['', ...lines]).filter((line) => !line.startsWith('X-TIMESTAMP-MAP='));
  const map = startAt === undefined ? [] : [`X-TIMESTAMP-MAP=MPEGTS:${startAt},LOCAL:00:00:00.000`];
  const timed = rest.map((line) => (line.includes('-->') ? line.replaceAll(/(\d),(\d{3})/g, '$1.$2') : line));
  return `${[isSigned ? signature : 'WEBVTT', ...map, ...timed].join('\n')}\n`;
}

/** Whether a package is one of transport streams, which have a clock of their own; its master playlist says so. */
export function isOfStreams(master: string): boolean {
  return /^#EXT-X-VERSION:3$/m.test(master);
}

/** The first address that a playlist names. */
export function firstUriIn(playlist: string): string | undefined {
  return playlist.split('\n').find((line) => line !== '' && !line.startsWith('#'));
}

/** The task that has captions shown in packages. */
export const PACKAGED_CAPTIONS_TASK = 'package-captions';

/** What is proved of the captions of a transcript: in which packages they are. */
export interface PackagedCaptionsFact {
  /** The place of outputs, by its name. */
  readonly to: string;
  /** Null where there was nothing to show. */
  readonly captions: PackagedCaptions | null;
  /** What the keys of each package begin with. */
  readonly packages: readonly { readonly recordingId: string; readonly prefix: string }[];
}

/** What the steps of a transcript have proved of captions in packages, whatever they are called. */
export function packagedCaptionsIn(facts: Readonly<Record<string, unknown>>): PackagedCaptionsFact[] {
  return Object.values(facts).filter(
    (fact): fact is PackagedCaptionsFact =>
      typeof fact === 'object' && fact !== null && 'captions' in fact && 'packages' in fact,
  );
}
