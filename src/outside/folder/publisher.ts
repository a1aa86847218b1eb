import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { lstat, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KnownError } from '../../domain/errors.ts';
import type { Publisher, Video } from '../../engine/ports/publisher.ts';
import { syncFolder, writeAll } from '../../lib/files.ts';
import { askToOpen, createAsk, unlessMissing } from './ask.ts';
import { createRoot } from './root.ts';

/** Who else reads what is published is the web server. */
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;

/** So many random bytes in a name that nobody guesses an address. */
const SECRET_BYTES = 12;

const RECORDING_ID = /^rec_([0-9a-z]{1,64})$/;
const VIDEO_ID = /^folder\/([0-9a-z]{1,64})-([0-9a-f]{24}\.[a-z0-9]{1,10})$/;

export interface FolderPublisherOptions {
  /** An absolute path of a folder that is there. */
  readonly path: string;
  /** Where a web server hands out what lies in it, without a slash at the end. */
  readonly url: string;
  /** A file elsewhere that remembers which folder it was. */
  readonly memoryPath: string;
  /** What stays free on its disk, in bytes. */
  readonly reserveBytes: number;
  readonly idleTimeoutMs: number;
}

/**
 * A folder that a web server hands out, as a publisher: a video is a file, `<recording>/<secret>.<extension>`, as it came.
 *
 * Its path is its mark. Its name is random, since a recording's id can be guessed by whoever knows its `ace_id`, and another
 * one each time it is published. It grows where the web server does not reach it and gets its name, synced, once all of it is
 * there: what can be watched is whole. How far an upload has come is the length of that file, as long as the machine has not
 * been started anew since: then what was written last may be lost, and the upload begins again.
 */
export function createFolderPublisher(options: FolderPublisherOptions): Publisher {
  const { path, url, idleTimeoutMs } = options;
  const ask = createAsk({ folder: path, idleTimeoutMs });
  const root = createRoot({ ...options, ask, folderMode: FOLDER_MODE });

  /** It is made by whoever runs the web server, who has to be able to read it. */
  async function ready(signal: AbortSignal): Promise<void> {
    await ask(signal, () => stat(path));
    await root.require(signal);
  }

  function placeOf(videoId: string): Place | undefined {
    const [, mark, file] = VIDEO_ID.exec(videoId) ?? [];
    if (mark === undefined || file === undefined) return undefined;
    return { videoId, mark, name: `${mark}/${file}`, part: root.ownPath('unfinished', `${mark}-${file}`) };
  }

  function requirePlace(videoId: string): Place {
    const place = placeOf(videoId);
    if (place !== undefined) return place;
    throw new KnownError(`${videoId} is no video of ${path}`, { code: 'REMOTE_REJECTED' });
  }

  const fileAt = (at: string, signal: AbortSignal) =>
    ask(signal, async () => {
      const found = await lstat(at).catch(unlessMissing(undefined));
      return found?.isFile() ? found : undefined;
    });

  const namesIn = (folder: string, signal: AbortSignal) =>
    ask(signal, () => readdir(folder).catch(unlessMissing<string[]>([])));

  async function lookAt(place: Place, signal: AbortSignal): Promise<Video | undefined> {
    const whole = await fileAt(await root.pathInside(place.name, signal), signal);
    if (whole !== undefined) return toVideo(place, whole, 'playable');
    const part = await fileAt(place.part, signal);
    return part && toVideo(place, part, 'empty');
  }

  /** Of all ids those of which there is a video. */
  async function lookAtAll(ids: Iterable<string>, signal: AbortSignal): Promise<Video[]> {
    const videos: Video[] = [];
    for (const id of new Set(ids)) {
      const place = placeOf(id);
      const video = place && (await lookAt(place, signal));
      if (video !== undefined) videos.push(video);
    }
    return videos;
  }

  async function idsOf(mark: string, signal: AbortSignal): Promise<string[]> {
    const folder = dirname(await root.pathInside(`${mark}/any`, signal));
    return (await namesIn(folder, signal)).map((name) => `folder/${mark}-${name}`);
  }

  async function unfinishedIds(signal: AbortSignal): Promise<string[]> {
    return (await namesIn(root.ownPath('unfinished'), signal)).map((name) => `folder/${name}`);
  }

  /** Gives a file that has all its bytes its name. */
  async function finish({ name, part }: Place, signal: AbortSignal): Promise<void> {
    const file = await root.makeRoom(name, signal);
    await ask(signal, async () => {
      const handle = await open(part, constants.O_RDWR | constants.O_NOFOLLOW);
      try {
        await handle.chmod(FILE_MODE);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(part, file);
      await syncFolder(dirname(file));
    });
  }

  /** An empty file that nobody else reads. */
  async function makePart(part: string, signal: AbortSignal): Promise<void> {
    await ask(signal, async () => {
      await (await open(part, 'wx', 0o600)).close();
      await syncFolder(dirname(part));
    });
  }

  return {
    name: 'folder',
    service: 'folder-publisher',
    label: 'the folder',
    comesLate: false,

    async probe({ signal }) {
      await ready(signal);
      await root.probe(signal);
    },

    async reserve({ recording, extension, signal }) {
      await ready(signal);
      const ending = /^[a-z0-9]{1,10}$/.test(extension) ? extension : 'bin';
      const secret = randomBytes(SECRET_BYTES).toString('hex');
      const { videoId, part } = requirePlace(`folder/${markOf(recording.id)}-${secret}.${ending}`);
      await makePart(part, signal);
      return { videoId };
    },

    async look({ videoId, signal }) {
      await ready(signal);
      const place = placeOf(videoId);
      return place && (await lookAt(place, signal));
    },

    async findOwn({ recording, signal }) {
      await ready(signal);
      const mark = markOf(recording.id);
      const begun = (await unfinishedIds(signal)).filter((id) => placeOf(id)?.mark === mark);
      return await lookAtAll([...(await idsOf(mark, signal)), ...begun], signal);
    },

    async *list({ signal }) {
      await ready(signal);
      const begun = await lookAtAll(await unfinishedIds(signal), signal);
      yield* begun.filter(({ status }) => status === 'empty');
      for (const entry of await ask(signal, () => readdir(path, { withFileTypes: true }))) {
        const mark = entry.name;
        if (!entry.isDirectory() || !RECORDING_ID.test(`rec_${mark}`)) continue;
        const whole = await lookAtAll(await idsOf(mark, signal), signal);
        yield* whole.filter(({ status }) => status === 'playable');
      }
    },

    async remove({ videoId, signal }) {
      await ready(signal);
      const place = placeOf(videoId);
      if (place === undefined) return;
      const file = await root.pathInside(place.name, signal);
      if ((await fileAt(file, signal)) !== undefined) {
        await ask(signal, async () => {
          await rm(file, { force: true });
          await syncFolder(dirname(file));
        });
        await root.prune(place.name, signal);
      }
      await ask(signal, () => rm(place.part, { force: true }));
    },

    async begin({ videoId, bytes, signal }) {
      await ready(signal);
      const { part } = requirePlace(videoId);
      await ask(signal, () => rm(part, { force: true }));
      await root.requireRoom(bytes, signal);
      await makePart(part, signal);
      return { uploadUrl: uploadText({ bytes, boot: await bootId() }) };
    },

    async offset({ videoId, uploadUrl, signal }) {
      await ready(signal);
      const place = placeOf(videoId);
      const upload = readUpload(uploadUrl);
      if (place === undefined || upload === undefined) return undefined;
      const whole = await fileAt(await root.pathInside(place.name, signal), signal);
      if (whole !== undefined) return { offset: whole.size, totalBytes: whole.size };
      const part = await fileAt(place.part, signal);
      if (part === undefined || part.size > upload.bytes || upload.boot !== (await bootId()))
        return undefined;
      // Killed between its last byte and its name.
      if (part.size === upload.bytes) await finish(place, signal);
      return { offset: part.size, totalBytes: upload.bytes };
    },

    async append({ videoId, uploadUrl, offset, bytes, chunks, onSent, signal }) {
      await ready(signal);
      const place = requirePlace(videoId);
      const end = offset + bytes;
      const handle = await askToOpen(ask, signal, () =>
        open(place.part, constants.O_WRONLY | constants.O_NOFOLLOW),
      );
      try {
        const { size } = await ask(signal, () => handle.stat());
        if (size !== offset) throw elsewhere(`it has ${size} bytes, and more was to come at ${offset}`);
        let at = offset;
        for await (const chunk of chunks) {
          if (at + chunk.length > end) throw elsewhere(`more than ${bytes} bytes came`);
          const position = at;
          await ask(signal, () => writeAll(handle, chunk, position));
          at += chunk.length;
          onSent?.(at - offset);
        }
        if (at !== end) throw elsewhere(`${at - offset} bytes came where ${bytes} were to come`);
        await ask(signal, () => handle.sync());
      } finally {
        // Of a folder that does not answer it may never end.
        handle.close().catch(() => {});
      }
      if (end === readUpload(uploadUrl)?.bytes) await finish(place, signal);
      return { offset: end };

      function elsewhere(why: string): KnownError {
        return new KnownError(`The upload of ${videoId} to ${path} cannot go on: ${why}`, {
          code: 'REMOTE_UNAVAILABLE',
          retry: 'backoff',
        });
      }
    },

    factOf: (videoId) => ({ videoId, playUrl: `${url}/${requirePlace(videoId).name}` }),
  };
}

/** Where a video lies in its folder, and where before it is whole. */
interface Place {
  readonly videoId: string;
  readonly mark: string;
  readonly name: string;
  readonly part: string;
}

function toVideo({ videoId, mark }: Place, { size, mtimeMs }: Stats, status: 'empty' | 'playable'): Video {
  return {
    videoId,
    title: '',
    status,
    ownerId: `rec_${mark}`,
    hasPlainTitle: true,
    madeOfBytes: status === 'playable' ? size : undefined,
    createdAtMs: mtimeMs,
    storedBytes: size,
    hasOriginal: true,
    tags: [],
    captions: [],
  };
}

function markOf(recordingId: string): string {
  const [, mark] = RECORDING_ID.exec(recordingId) ?? [];
  if (mark !== undefined) return mark;
  throw new KnownError(`${recordingId} is no recording`, { code: 'REMOTE_REJECTED' });
}

/** What an upload is known by: its length, and the boot during which it was begun. */
interface Upload {
  readonly bytes: number;
  readonly boot: string;
}

function uploadText({ bytes, boot }: Upload): string {
  return `${bytes} ${boot}`;
}

function readUpload(text: string): Upload | undefined {
  const [, bytes, boot] = /^(\d{1,15}) (\S+)$/.exec(text) ?? [];
  return bytes === undefined || boot === undefined ? undefined : { bytes: Number(bytes), boot };
}

/** A name of the time since the machine was started, where it has one (Linux). */
async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim() || 'unknown';
}
