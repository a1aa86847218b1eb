import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { orMachineTrouble } from '../../domain/errors.ts';
import { DASH_MANIFEST, DASH_TYPE, HLS_MASTER, HLS_TYPE, KEPT } from '../../domain/media/manifests.ts';
import {
  captionsPlaylist,
  captionsPlaylistName,
  firstUriIn,
  isOfStreams,
  type PackagedCaptions,
  vttFor,
  vttName,
  withCaptions,
} from '../../domain/media/packaged-captions.ts';
import { attemptOfKey } from '../../domain/output-keys.ts';
import type { OutputPlace } from '../../engine/ports/output-place.ts';
import { crashPoint } from '../../lib/crash-point.ts';
import { readTransportSegment } from '../../lib/mpeg-ts.ts';
import type { ShownPackage } from './companion-packages.ts';
import { retryInPlace } from './retry-in-place.ts';
import type { Scratch, ScratchOwner } from './scratch.ts';
import type { Tools } from './tools.ts';

/** Manifests and transcripts are far smaller; more is none of them. */
const MOST_BYTES = 32 * 1024 * 1024;

/** The folder in which texts lie before they are sent, at the most, in bytes. */
const SCRATCH_BYTES = 64 * 1024 * 1024;

/** The means to change which captions the package at a place names. */
export interface CaptionsWriter {
  readonly place: OutputPlace;
  readonly retry: Tools['retry'];
  readonly scratch: Pick<Scratch, 'use'>;
  /** Whose folder the texts are written in before they are sent. */
  readonly owner: ScratchOwner;
  /** Asked before each remote effect; what it throws ends it. */
  readonly beforeEach: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** The files of captions in a package, by their keys. */
export function captionsKeys({ prefix }: Pick<ShownPackage, 'prefix'>, captions: PackagedCaptions): string[] {
  return [prefix + vttName(captions), prefix + captionsPlaylistName(captions)];
}

/** What was written, by its keys; `isDoubtful`: something that was given up may come there late. */
interface Put {
  readonly keys: readonly string[];
  readonly isDoubtful: boolean;
}

const NOTHING_PUT: Put = { keys: [], isDoubtful: false };

/**
 * Brings the files of captions to a package, and has its manifests name them and the others; each file is replaced as a whole, the
 * manifests last. A package that is being removed stays as it is.
 *
 * @param all All that the package is to name, these among them.
 */
export async function putCaptions(
  writer: CaptionsWriter,
  shown: ShownPackage,
  { own, all, transcript }: { own: PackagedCaptions; all: readonly PackagedCaptions[]; transcript: string },
): Promise<Put> {
  const manifests = await readManifests(writer, shown);
  if (manifests === undefined) return NOTHING_PUT;
  const master = manifests.find(({ key }) => key.endsWith(`/${HLS_MASTER}`));
  const startAt = master && isOfStreams(master.text) ? await startOf(writer, shown, master.text) : undefined;
  const playlist = captionsPlaylist(own, shown);
  const { prefix } = shown;
  const files = [
    { key: prefix + vttName(own), text: vttFor(transcript, startAt), mediaType: 'text/vtt' },
    ...(master === undefined ? [] : [{ ...playlist, key: prefix + playlist.name }]),
    ...renamed(shown, manifests, all),
  ];
  return await putAll(writer, shown, files);
}

/** Has the manifests of a package name these captions and no others; returns what `putCaptions` does. */
export async function nameCaptions(
  writer: CaptionsWriter,
  shown: ShownPackage,
  all: readonly PackagedCaptions[],
): Promise<Put> {
  const manifests = await readManifests(writer, shown);
  if (manifests === undefined) return NOTHING_PUT;
  return await putAll(writer, shown, renamed(shown, manifests, all));
}

interface Text {
  readonly key: string;
  readonly text: string;
  readonly mediaType: string;
}

/** The manifests that are not yet as they are to be. */
function renamed(
  { prefix }: ShownPackage,
  manifests: readonly Text[],
  all: readonly PackagedCaptions[],
): Text[] {
  return manifests
    .map((each) => ({ ...each, text: withCaptions(each.key.slice(prefix.length), each.text, all) }))
    .filter(({ text }, at) => text !== manifests[at]?.text);
}

/** `undefined`: one of them is not there. */
async function readManifests(
  writer: CaptionsWriter,
  { manifests }: ShownPackage,
): Promise<Text[] | undefined> {
  const texts: Text[] = [];
  for (const key of manifests) {
    const text = (await read(writer, key))?.toString('utf8');
    if (text === undefined) return undefined;
    const mediaType = key.endsWith(`/${DASH_MANIFEST}`) ? DASH_TYPE : HLS_TYPE;
    texts.push({ key, text, mediaType });
  }
  return texts;
}

/** Where a film begins on the clock of its transport stream, by its first segment, in units of 90 kHz. */
async function startOf(writer: CaptionsWriter, { prefix }: ShownPackage, master: string): Promise<number> {
  let playlist = master;
  for (;;) {
    const uri = firstUriIn(playlist);
    if (uri === undefined) return 0;
    // Segments may lie where an earlier attempt has sent them.
    const key = new URL(uri, `http://package/${prefix}`).pathname.slice(1);
    const bytes = await read(writer, key);
    if (bytes === undefined) return 0;
    if (!key.endsWith('.m3u8')) return readTransportSegment(bytes).start;
    playlist = bytes.toString('utf8');
  }
}

async function read({ place, retry, signal }: CaptionsWriter, key: string): Promise<Buffer | undefined> {
  return await retryInPlace(retry, signal, async () => {
    const opened = await place.open({ key, fromByte: 0, signal });
    if (opened === undefined) return undefined;
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of opened.chunks) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > MOST_BYTES) throw new Error(`${key} is far too large`);
    }
    return Buffer.concat(chunks);
  });
}

async function putAll(
  writer: CaptionsWriter,
  { prefix }: ShownPackage,
  texts: readonly Text[],
): Promise<Put> {
  if (texts.length === 0) return NOTHING_PUT;
  const { place, retry, scratch, owner, beforeEach, signal } = writer;
  const mark = attemptOfKey(prefix);
  if (mark === undefined) throw new Error(`${prefix} is no place of a package`);
  let isDoubtful = false;
  await scratch.use(owner, SCRATCH_BYTES, async (folder) => {
    for (const { key, text, mediaType } of texts) {
      const path = join(folder, key.slice(prefix.length));
      await writeFile(path, text).catch((error: unknown) => {
        throw orMachineTrouble(error);
      });
      await retryInPlace(retry, signal, async (attempt) => {
        await beforeEach();
        isDoubtful ||= attempt > 1;
        await place.put({ key, path, mediaType, cacheControl: KEPT.manifests, mark, signal });
      });
      crashPoint('package-captions:after-file');
    }
  });
  return { keys: texts.map(({ key }) => key), isDoubtful };
}
