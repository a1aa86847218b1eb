import { recordingId } from './ids.ts';
import { containerForCopy } from './media/containers.ts';
import type { OutputStands } from './output-stand.ts';
import type { Recording, State } from './recording.ts';

/*
 * An asset is a file below MEDIA_IN that is known by its place there and stays where it is: a recording of the source `library`
 * that is only looked into. What is made of it are its jobs, each a run by one preset.
 */

/** The recipe by which a file becomes an asset. */
export const REGISTER = 'register';

/** The step of that recipe which says what is in the file. */
export const REGISTER_STEP = 'probe';

/** What the names of files end in that become assets, and what those files are. */
const TYPES: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  mkv: 'video/matroska',
  avi: 'video/vnd.avi',
  mov: 'video/quicktime',
  webm: 'video/webm',
  flv: 'video/x-flv',
  wmv: 'video/x-ms-asf',
  m4v: 'video/x-m4v',
  mp3: 'audio/mpeg',
  wav: 'audio/wav',
  flac: 'audio/flac',
  aac: 'audio/aac',
  ogg: 'audio/ogg',
  m4a: 'audio/x-m4a',
};

/** What lies below MEDIA_IN, without having been looked into. */
export interface LibraryFile {
  /** Below MEDIA_IN: folders and a name, with slashes between. */
  readonly path: string;
  readonly bytes: number;
  /** Of a file of this machine. */
  readonly modifiedAtMs?: number;
  /** Of one in a bucket: what tells its bytes from others. */
  readonly validator?: string;
}

/** What is made by a name's ending; `undefined`: nothing that could be an asset. */
export function assetTypeOf(path: string): { readonly mime: string; readonly extension: string } | undefined {
  const extension = /[^/]\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? '';
  const mime = Object.hasOwn(TYPES, extension) ? TYPES[extension] : undefined;
  return mime === undefined ? undefined : { mime, extension };
}

/** What the natural keys of all assets begin with. */
export const ASSET = 'asset:';

/** The natural key of an asset. It is known by its place alone, so that it stays the same one when the file is written anew or MEDIA_IN moves. */
export function assetKey(path: string): string {
  return `${ASSET}${JSON.stringify(path)}`;
}

function idOfAsset(path: string): string {
  return recordingId(assetKey(path));
}

export function isAsset({ naturalKey }: Pick<Recording, 'naturalKey'>): boolean {
  return naturalKey.startsWith(ASSET);
}

/** What tells whether a file is as it was when it was registered. */
export function markOf({ modifiedAtMs, validator }: LibraryFile): string {
  return modifiedAtMs === undefined ? `etag ${validator ?? ''}` : `time ${modifiedAtMs}`;
}

/** Whether a file has been written anew since it was registered; where MEDIA_IN is a bucket now and was a folder its length alone tells. */
export function isWrittenAnew(
  known: { readonly bytes: number; readonly mark: string },
  found: { readonly bytes: number; readonly mark: string },
): boolean {
  if (known.bytes !== found.bytes) return true;
  const kindOf = (mark: string) => mark.slice(0, mark.indexOf(' '));
  return kindOf(known.mark) === kindOf(found.mark) && known.mark !== found.mark;
}

/** How an asset stands: not looked into yet, usable, or one that cannot be read. */
export const ASSET_STATUSES = ['pending', 'ready', 'error'] as const;
export type AssetStatus = (typeof ASSET_STATUSES)[number];

export const STATES_OF_ASSETS: Readonly<Record<AssetStatus, readonly State[]>> = {
  pending: ['waiting', 'moving', 'backing-off', 'set-aside'],
  ready: ['done'],
  error: ['failed'],
};

/** `undefined`: it is none any more. */
export function assetStatusOf(state: State): AssetStatus | undefined {
  return ASSET_STATUSES.find((status) => STATES_OF_ASSETS[status].includes(state));
}

export const JOB_STATUSES = ['PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED'] as const;

/**
 * How a job of an asset stands.
 *
 * - `PENDING`: it waits, for its turn or for its next attempt
 * - `PROCESSING`: a worker has it, or only tidies up after it
 * - `COMPLETED`, `FAILED`: as its run has ended
 * - `CANCELLED`: somebody wants it no more; what was made of it is being removed, or is
 */
export type JobStatus = (typeof JOB_STATUSES)[number];

export function jobStatusOf(
  { state, wanted }: Pick<Recording, 'state' | 'wanted'>,
  isOutputOver: boolean,
): JobStatus {
  if (state === 'done') return 'COMPLETED';
  if (state === 'failed') return 'FAILED';
  if (wanted === 'cancelled') return 'CANCELLED';
  if (state === 'moving') return 'PROCESSING';
  if (state === 'set-aside') return 'PENDING';
  if (state === 'waiting' || state === 'backing-off') return isOutputOver ? 'PROCESSING' : 'PENDING';
  return 'CANCELLED';
}

/** Whether one of the steps that make outputs has ended, be it well or not. */
export function isOutputOver(
  steps: readonly string[],
  { isDone, stands }: { isDone(step: string): boolean; readonly stands: OutputStands },
): boolean {
  return steps.some((step) => isDone(step) || stands[step]?.isOver === true);
}

/** Where outputs of assets go in the place of outputs, and where parts of assets do. */
const OUTPUTS = 'transcoded';
const PARTS = 'transcoded/trimmed';

/** Of a key so much may be folders, and so much the name without its ending, in bytes. */
const MOST_FOLDER_BYTES = 500;
const MOST_NAME_BYTES = 200;

/**
 * The key of what a job makes: `transcoded/<folders of the asset>/<stem>_<suffix>.<ending>`. Beside an asset of the same stem the
 * whole name stands for the stem, so that neither takes the other's place.
 */
export function outputKeyOf(of: {
  readonly path: string;
  readonly suffix: string;
  readonly ending: string;
  readonly isPart?: boolean;
  readonly hasNamesake?: boolean;
}): string {
  const { folders, stem, name } = placeOf(of.path);
  const safeFolders = folders.map(safe);
  const isLong = Buffer.byteLength(safeFolders.join('/')) > MOST_FOLDER_BYTES;
  const root = of.isPart === true ? PARTS : OUTPUTS;
  const file = `${shortened(safe(of.hasNamesake === true ? name : stem))}_${safe(of.suffix)}.${of.ending}`;
  return [root, ...(isLong ? [idOfAsset(of.path)] : safeFolders), file].join('/');
}

/** What assets share whose outputs would have the same names. */
export function stemOf(path: string): string {
  const { folders, stem } = placeOf(path);
  return [...folders, stem].join('/');
}

function placeOf(path: string) {
  const folders = path.split('/');
  const name = folders.pop() ?? '';
  const stem = name.replace(/(?<=.)\.[^.]*$/, '');
  return { folders, name, stem };
}

/** Without what no key may have, or what another system would read otherwise. */
function safe(part: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return part.toWellFormed().replace(/[\0-\x1f\x7f]/g, '_');
}

function shortened(stem: string): string {
  let short = stem;
  while (Buffer.byteLength(short) > MOST_NAME_BYTES) short = Array.from(short).slice(0, -1).join('');
  return short;
}

/** What ends the name of the one output of a task; `undefined`: it makes several, or is none of ours. */
export function endingOf(task: string, params: Readonly<Record<string, unknown>>): string | undefined {
  switch (task) {
    case 'transcode':
      return typeof params['container'] === 'string' ? params['container'] : 'mp4';
    case 'watermark':
      return 'mp4';
    case 'package':
      return isDashAlone(params['formats']) ? 'mpd' : 'm3u8';
    case 'thumbnail':
      return params['format'] === 'png' ? 'png' : 'jpg';
    case 'waveform':
      return 'json';
    default:
      return undefined;
  }
}

function isDashAlone(formats: unknown): boolean {
  return Array.isArray(formats) && formats.length > 0 && formats.every((format) => format === 'dash');
}

/** What is in a file, as far as a look at it has told. */
export interface LookedInto {
  readonly container: string;
  readonly durationS: number | null;
  readonly bytes: number;
  readonly streams: readonly {
    readonly kind: string;
    readonly codec: string | null;
    readonly widthPx: number | null;
    readonly heightPx: number | null;
    readonly framesPerS: number | null;
    readonly rotationDegrees: number | null;
    readonly isCover: boolean;
  }[];
}

/** The film of a file, and its sound. */
export function streamsOf(looked: LookedInto | undefined) {
  const streams = looked?.streams ?? [];
  return {
    video: streams.find(({ kind, isCover }) => kind === 'video' && !isCover),
    audio: streams.find(({ kind }) => kind === 'audio'),
  };
}

/** What the name of a part of an asset ends in: by what is in it where that is known, else by its own name. */
export function endingOfPart(path: string, looked: LookedInto | undefined, isEncoded: boolean): string {
  const { video, audio } = streamsOf(looked);
  if (video === undefined && audio === undefined) {
    return assetTypeOf(path)?.mime.startsWith('audio/') ? 'm4a' : 'mp4';
  }
  if (isEncoded) return video === undefined ? 'm4a' : 'mp4';
  return containerForCopy({
    container: looked?.container ?? '',
    video: video && { codec: video.codec ?? '' },
    audio: audio && { codec: audio.codec ?? '' },
  }).name;
}
