/** The key under which a file in the archive names, in its file info, the recording that it holds. */
export const ARCHIVED_RECORDING = 'sluice_recording';

/** The key in a B2 file's info that tells its bytes from others of the same recording. */
export const ARCHIVED_CONTENT = 'sluice_content';

/** The longest slug, in bytes; well inside B2's 250 bytes per segment and every file system's 255. */
const MAX_SLUG_BYTES = 80;

/**
 * A title as a part of a file name: letters and digits of any script, joined by single hyphens; empty when the title
 * has none.
 */
export function slug(title: string): string {
  const words =
    title
      .replace(/\p{Cf}+/gu, '')
      .normalize('NFC')
      .match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
  return cut(words.join('-'), (text) => Buffer.byteLength(text) <= MAX_SLUG_BYTES).replace(/-+$/, '');
}

/**
 * The name of a recording in the archive, without its extension: `source/yyyy/mm/dd/title-id`, by its own day or, where it
 * has none, the one (UTC) on which it was accepted; or in the folder that it was given. The same recording always gets the
 * same one, and no other does.
 */
export function archiveStem(recording: {
  readonly id: string;
  readonly source: string;
  readonly title: string;
  readonly acceptedAtMs: number;
  readonly origin?: { readonly archiveDay?: string };
  readonly placement?: { readonly folder: string | null } | null;
}): string {
  const day = (recording.origin?.archiveDay ?? dayOf(recording.acceptedAtMs)).replaceAll('-', '/');
  const stem = [slug(recording.title), recording.id.replace('rec_', '')].filter(Boolean).join('-');
  return `${recording.placement?.folder ?? `${recording.source}/${day}`}/${stem}`;
}

/**
 * The day that a recording has by itself, of the time when it was recorded or its file was written: brought again on
 * another day, under a ledger that has forgotten it, it is found in the archive by the same name. None of no such time.
 */
export function archiveDayOf(time: string | number | null): { readonly archiveDay?: string } {
  const ms = typeof time === 'string' ? Date.parse(time) : time;
  const isTime = ms !== null && ms > 0 && ms < LAST_DAY_MS;
  return isTime ? { archiveDay: dayOf(ms) } : {};
}

/** Behind it years have more than four digits. */
const LAST_DAY_MS = Date.UTC(10_000, 0, 1);

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The name of a recording in the archive: its stem and its extension. */
export function archiveName(
  recording: Parameters<typeof archiveStem>[0] & { readonly extension: string },
): string {
  return `${archiveStem(recording)}.${recording.extension}`;
}

/** The most characters of a title. */
const MAX_TITLE_LENGTH = 250;

/** Flags such as that of Scotland are written with characters that are invisible anywhere else. */
const TAGGED_FLAG = /\u{1F3F4}[\u{E0061}-\u{E007A}]{2,6}\u{E007F}/u.source;

const INVISIBLE = new RegExp(`(${TAGGED_FLAG})|(?![\\u200c\\u200d])\\p{Cf}`, 'gu');

/**
 * A title fit for one line anywhere: composed (NFC), no control characters, nothing invisible but what joins letters or
 * emoji, white space folded, at most 250 characters.
 */
export function cleanTitle(raw: string): string {
  const folded = raw
    // Bidirectional overrides can make a name read as something else.
    .replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\s\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replace(INVISIBLE, (_all, flag: string | undefined) => flag ?? '')
    .replace(/([\u200c\u200d])[\u200c\u200d]+/g, '$1')
    .replace(/(?<=^|\s)[\u200c\u200d]|[\u200c\u200d](?=\s|$)/g, '')
    .replace(/ +/g, ' ')
    .trim()
    .normalize('NFC');
  const fits = (text: string) => Array.from(text).length <= MAX_TITLE_LENGTH;
  return (fits(folded) ? folded : cut(folded, fits)).replace(/[\s\u200c\u200d]+$/, '');
}

/** As much of a text as fits, never with half of what readers see as one character, unless that alone is too much. */
function cut(text: string, fits: (beginning: string) => boolean): string {
  const graphemes = Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
  const fitting = longest(graphemes, fits);
  return fitting === '' ? longest(Array.from(graphemes[0] ?? ''), fits) : fitting;
}

function longest(pieces: readonly string[], fits: (beginning: string) => boolean): string {
  let joined = '';
  for (const piece of pieces) {
    if (!fits(joined + piece)) break;
    joined += piece;
  }
  return joined;
}

/** What the names of audio and video files end in. Of any other name the part behind its last dot belongs to it. */
const MEDIA_ENDINGS: ReadonlySet<string> = new Set(
  [
    'mp4 m4v mov qt mkv mk3d webm avi divx xvid wmv asf flv f4v mpg mpeg mpe m1v m2v mpv vob dat ts mts m2ts m2t tod',
    '3gp 3gpp 3g2 ogv ogm ogx mxf dv dif gxf wtv rm rmvb y4m ivf nut nsv amv h264 264 h265 hevc 265 av1 obu',
    'mp3 mp2 mpga m4a m4b m4p m4r aac adts ac3 eac3 ec3 dts wav wave w64 rf64 bwf aif aiff aifc caf flac alac ape amr',
    'awb au snd wma wv mka weba oga ogg opus spx ra tta tak mpc dsf dff voc gsm',
  ].flatMap((endings) => endings.split(' ')),
);

/** A title of a file's name: the name without what says that it is audio or video. */
export function titleOfFile(filename: string): string {
  const name = cleanTitle(filename);
  const [, stem = '', ending = ''] = /^(.*)\.([^.]+)$/.exec(name) ?? [];
  return MEDIA_ENDINGS.has(ending.toLowerCase()) ? cleanTitle(stem) : name;
}
