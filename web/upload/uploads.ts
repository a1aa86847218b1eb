import Uppy from '@uppy/core';
import Tus from '@uppy/tus';
import type { DetailedError } from 'tus-js-client';
import { formatBytes } from '../shared/format.ts';
import { createStore, type Store } from '../shared/store.ts';
import { belongsTo, nextAceId } from './ace-ids.ts';
import type { Link } from './link.ts';
import { type FileMark, type Memory, type Remembered, uploadIdOf } from './memory.ts';
import { type Refusal, readRefusal } from './refusal.ts';
import type { UploadServer } from './server.ts';

/** A part of an upload this large is one request, in bytes: proxies limit how long a request may be. */
const CHUNK_BYTES = 64 * 1024 * 1024;

/** The pauses before trying again, in milliseconds: about half an hour in all, each time anew once bytes have moved. */
const RETRY_MS = [0, 1000, 2000, 3000, 5000, ...Array<number>(180).fill(10_000)];

/** Over which the speed is measured, in milliseconds. */
const SPEED_WINDOW_MS = 5000;

export type Phase = 'ready' | 'sending' | 'paused' | 'waiting' | 'stopped' | 'arrived';

/** One file on its way, or about to be. `waiting`: for the connection; `stopped`: the server has refused it. */
export interface Item {
  readonly id: string;
  readonly file: FileMark;
  readonly aceId: string;
  /** Whether the link decides over the ace_id. */
  readonly isAceIdFixed: boolean;
  readonly title: string;
  readonly phase: Phase;
  readonly sentBytes: number;
  readonly bytesPerS: number;
  readonly refusal: Refusal | undefined;
  readonly uploadId: string | undefined;
}

export interface UploadsState {
  readonly items: readonly Item[];
  /** Uploads that this browser has begun, and not finished; their files are to be chosen again. */
  readonly unfinished: readonly Remembered[];
  readonly message: string | undefined;
}

/** The files that a tutor uploads. */
export interface Uploads {
  readonly state: Store<UploadsState>;
  readonly link: Link;
  add(files: readonly File[]): void;
  describe(id: string, change: { aceId?: string; title?: string }): void;
  /** Begins with all that are ready and have what they need. */
  start(): void;
  pauseOrGoOn(id: string): void;
  retry(id: string): void;
  remove(id: string): void;
  forget(remembered: Remembered): void;
  /** The recording of this upload will come to nothing: the same file may be sent once more. */
  giveUp(item: Item): void;
}

type Meta = {
  ace_id: string;
  title: string;
  filename: string;
  filetype: string;
  item: string;
  [key: string]: unknown;
};
type Body = Record<string, never>;

export function createUploads(options: { server: UploadServer; link: Link; memory: Memory }): Uploads {
  const { server, link, memory } = options;
  const uppy = new Uppy<Meta, Body>({ autoProceed: false });
  uppy.use(Tus<Meta, Body>, {
    endpoint: server.tusUrl,
    chunkSize: CHUNK_BYTES,
    retryDelays: RETRY_MS,
    limit: 2,
    allowedMetaFields: ['ace_id', 'title', 'filename', 'filetype'],
    ...(link.token === undefined ? {} : { headers: { Authorization: `Bearer ${link.token}` } }),
  });
  const state = createStore<UploadsState>({
    items: remembered(),
    unfinished: unfinished(),
    message: undefined,
  });
  const samples = new Map<string, { atMs: number; bytes: number }[]>();
  /** What is to be sent, by item; Uppy hears of a file when it is begun. */
  const contents = new Map<string, File>();
  let lastId = 0;

  /** What has arrived before, and whose way may be of interest still. */
  function remembered(): Item[] {
    return memory
      .all()
      .filter(({ isFinished, aceId }) => isFinished && isWanted(aceId))
      .map(({ key, file, aceId, title, uploadUrl }) => ({
        ...{
          id: key,
          file,
          aceId,
          title,
          isAceIdFixed: true,
          phase: 'arrived' as const,
          sentBytes: file.size,
        },
        ...{ bytesPerS: 0, refusal: undefined, uploadId: uploadIdOf(uploadUrl) },
      }));
  }

  function unfinished(): Remembered[] {
    return memory.all().filter(({ isFinished, aceId }) => !isFinished && isWanted(aceId));
  }

  /** A link shows its own recordings and no others. */
  function isWanted(aceId: string): boolean {
    return link.aceId === undefined || belongsTo(link.aceId, aceId);
  }

  const find = (id: string | undefined) => state.get().items.find((item) => item.id === id);

  function change(id: string, what: Partial<Item>): void {
    state.set({ items: state.get().items.map((item) => (item.id === id ? { ...item, ...what } : item)) });
  }

  const findSent = (uppyId: string | undefined) => {
    const id = uppyId === undefined ? undefined : uppy.getFile(uppyId)?.meta.item;
    return find(typeof id === 'string' ? id : undefined);
  };
  const uppyIdOf = (id: string) => uppy.getFiles().find(({ meta }) => meta.item === id)?.id ?? '';

  function addOne(file: File): string | undefined {
    const mark = { name: file.name, size: file.size, lastModified: file.lastModified };
    const inList = state.get().items.some((item) => item.phase !== 'arrived' && isSameFile(item.file, mark));
    if (inList) return `${file.name} is in the list already.`;
    if (file.size === 0) return `${file.name} is empty.`;
    if (file.size > server.maxBytes) {
      return `${file.name} is larger than the ${formatBytes(server.maxBytes)} that may be uploaded here.`;
    }
    const current = state.get().items.filter(({ phase }) => phase !== 'arrived');
    if (link.token !== undefined && current.length > 0) {
      return `The link is for one recording: ${file.name} was not added.`;
    }
    const earlier = memory
      .all()
      .find((entry) => isSameFile(entry.file, mark) && isWanted(entry.aceId) && !entry.isFinished);
    const taken = new Set(state.get().items.map(({ aceId }) => aceId));
    const base = link.aceId;
    const fresh = base === undefined ? '' : link.token !== undefined ? base : nextAceId(base, taken);
    const aceId = earlier?.aceId ?? fresh;
    const title =
      earlier?.title ?? (base !== undefined && aceId === base ? link.title : undefined) ?? titleOf(file);
    lastId += 1;
    const id = `file-${lastId}`;
    contents.set(id, file);
    const item: Item = {
      ...{ id, file: mark, aceId, title, isAceIdFixed: base !== undefined, phase: 'ready', sentBytes: 0 },
      ...{ bytesPerS: 0, refusal: undefined, uploadId: undefined },
    };
    state.set({
      items: [...state.get().items, item],
      unfinished: unfinished().filter(({ key }) => key !== earlier?.key),
    });
    return undefined;
  }

  /** Hands a file to Uppy, with what it is sent with. */
  function begin({ id, file, aceId, title }: Item): void {
    const data = contents.get(id);
    if (data === undefined) return;
    const meta = { ace_id: aceId, title, filename: file.name, filetype: data.type, item: id };
    const uppyId = uppy.addFile({ name: `${id} ${file.name}`, type: data.type, data, source: 'page', meta });
    let refusal: Refusal | undefined;
    uppy.setFileState(uppyId, {
      tus: {
        urlStorage: memory.storageFor(file, aceId, title),
        onShouldRetry(error, _attempt, _options, next) {
          refusal = refusalOf(error);
          // Some refusals have a status that stock clients take for one that may heal.
          if (!refusal.mayHeal || !next(error)) return false;
          if (find(id)?.phase === 'sending') change(id, { phase: 'waiting', bytesPerS: 0 });
          return true;
        },
        // By now Uppy has let go of the answer.
        onError: (error) => stopped(id, refusal ?? refusalOf(error)),
      },
    });
    change(id, { phase: 'sending', aceId, title, refusal: undefined });
  }

  function stopped(id: string, refusal: Refusal): void {
    const item = find(id);
    if (item === undefined) return;
    const arrived = refusal.code === 'ACE_ID_TAKEN' ? memory.find(item.file, item.aceId) : undefined;
    if (arrived?.isFinished) change(id, { phase: 'arrived', uploadId: uploadIdOf(arrived.uploadUrl) });
    else change(id, { phase: 'stopped', refusal, bytesPerS: 0 });
  }

  uppy.on('upload-progress', (file, progress) => {
    const item = findSent(file?.id);
    if (item === undefined) return;
    const sentBytes = progress.bytesUploaded || 0;
    const atMs = Date.now();
    const seen = (samples.get(item.id) ?? []).filter((sample) => atMs - sample.atMs < SPEED_WINDOW_MS);
    const first = seen[0];
    samples.set(item.id, [...seen, { atMs, bytes: sentBytes }]);
    const bytesPerS =
      first === undefined || atMs === first.atMs
        ? 0
        : ((sentBytes - first.bytes) * 1000) / (atMs - first.atMs);
    change(item.id, {
      sentBytes,
      bytesPerS: Math.max(0, bytesPerS),
      refusal: undefined,
      ...(item.phase === 'waiting' ? { phase: 'sending' } : {}),
    });
  });
  uppy.on('upload-success', (file, response) => {
    const item = findSent(file?.id);
    if (item === undefined) return;
    memory.finish(item.file, item.aceId);
    const uploadId = uploadIdOf(response.uploadURL ?? '');
    change(item.id, { phase: 'arrived', sentBytes: item.file.size, uploadId, refusal: undefined });
    contents.delete(item.id);
    // Uppy is still at work with it.
    setTimeout(() => uppy.removeFile(uppyIdOf(item.id)));
  });
  uppy.on('upload-retry', (file) => {
    const item = findSent(file.id);
    if (item !== undefined) change(item.id, { phase: 'sending', refusal: undefined });
  });

  return {
    state,
    link,
    add(files) {
      const problems = files.map(addOne).filter((problem) => problem !== undefined);
      state.set({ message: problems.length === 0 ? undefined : problems.join(' ') });
    },
    describe: (id, { aceId, title }) =>
      change(id, { ...(aceId === undefined ? {} : { aceId }), ...(title === undefined ? {} : { title }) }),
    start() {
      const ready = state
        .get()
        .items.filter(({ phase }) => phase === 'ready')
        .map((item) => ({ ...item, aceId: item.aceId.trim(), title: item.title.trim() }));
      const complete = ready.filter(({ aceId }) => aceId !== '');
      const isTwice = complete.some(({ aceId }, index) =>
        complete.some((other, place) => place < index && other.aceId === aceId),
      );
      if (isTwice) return state.set({ message: 'Each recording needs an id of its own.' });
      state.set({
        message: complete.length < ready.length ? 'Each file needs the id of its recording.' : undefined,
      });
      for (const item of complete) begin(item);
      if (complete.length > 0) void uppy.upload().catch(() => {});
    },
    pauseOrGoOn(id) {
      const isPaused = uppy.pauseResume(uppyIdOf(id));
      samples.delete(id);
      change(id, { phase: isPaused ? 'paused' : 'sending', bytesPerS: 0 });
    },
    retry(id) {
      void uppy.retryUpload(uppyIdOf(id)).catch(() => {});
    },
    remove(id) {
      const item = find(id);
      const uppyId = uppyIdOf(id);
      if (uppyId !== '') uppy.removeFile(uppyId);
      contents.delete(id);
      const known = item && memory.find(item.file, item.aceId);
      if (known !== undefined) memory.forget(known.key);
      state.set({ items: state.get().items.filter((each) => each.id !== id), unfinished: unfinished() });
    },
    forget({ key }) {
      memory.forget(key);
      state.set({ unfinished: unfinished() });
    },
    giveUp({ file, aceId }) {
      const known = memory.find(file, aceId);
      if (known !== undefined) memory.forget(known.key);
    },
  };
}

/** What the server has said, if an answer came. */
function refusalOf(error: object): Refusal {
  const { originalResponse } = error as Partial<DetailedError>;
  return readRefusal(originalResponse?.getStatus() ?? 0, originalResponse?.getBody() ?? '');
}

function isSameFile(a: FileMark, b: FileMark): boolean {
  return a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
}

const MEDIA_ENDING =
  /\.(mp4|m4[abv]|mov|mkv|webm|avi|wm[av]|flv|f4v|mpe?g|m?ts|m2ts|3gpp?|mp3|wave?|og[agv]|opus|flac|aac|caf|aiff?|amr|mxf)$/i;

/** A first proposal: the file's name without the ending that says what it is; any other dot belongs to the name. */
function titleOf({ name, type }: FileMark & { type: string }): string {
  const ending = /^(audio|video)\//.test(type) ? /\.[^. ]+$/ : MEDIA_ENDING;
  return name.normalize('NFC').replace(ending, '').trim() || name;
}
