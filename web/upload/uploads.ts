import Uppy from '@uppy/core';
import Tus from '@uppy/tus';
import type { DetailedError } from 'tus-js-client';
import { createStore, type Store } from '../shared/store.ts';
import { belongsTo, nextAceId } from './ace-ids.ts';
import type { Cancellations } from './cancellations.ts';
import { type FileHandle, type FileHandles, openAgain } from './file-handles.ts';
import { type FileMark, isSameFile, markOf, readHead } from './file-mark.ts';
import { lookAtHead } from './first-look.ts';
import type { Link } from './link.ts';
import { type Memory, type Remembered, uploadIdOf } from './memory.ts';
import { type Refusal, readRefusal } from './refusal.ts';
import type { UploadServer } from './server.ts';
import { createSpeed, type Speed } from './speed.ts';
import { titleOf } from './titles.ts';
import type { Message, MessageKey } from './words.ts';

/** A part of an upload this large is one request, in bytes: proxies limit how long a request may be. */
const CHUNK_BYTES = 64 * 1024 * 1024;

/** The pauses before trying again, in milliseconds: about half an hour in all, each time anew once bytes have moved. */
const RETRY_MS = [0, 1000, 2000, 3000, 5000, ...Array<number>(180).fill(10_000)];

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
  /** What is to be known of the file before it is sent. */
  readonly notes: readonly Message[];
  /** An unfinished upload of another file for the same recording, in whose place this one comes. */
  readonly replaces: Remembered | undefined;
  /** What is wrong with the id that was typed. */
  readonly aceIdProblem: MessageKey | undefined;
}

export interface UploadsState {
  readonly items: readonly Item[];
  /** Uploads that this browser has begun, and not finished; their files are to be chosen again. */
  readonly unfinished: readonly Remembered[];
  /** Of which of them the browser can open the file by itself, by their keys. */
  readonly reopenable: ReadonlySet<string>;
  /** Why files were not added. */
  readonly problems: readonly Message[];
  /** Whether files that were chosen are being looked at. */
  readonly isLooking: boolean;
}

/** The files that a tutor uploads. */
export interface Uploads {
  readonly state: Store<UploadsState>;
  readonly link: Link;
  readonly cancellations: Pick<Cancellations, 'open'>;
  /** @param files With their handles, where the browser has given some */
  add(files: ReadonlyMap<File, FileHandle | undefined>): Promise<void>;
  /** Goes on with an upload whose file the browser can open; its user may be asked first. */
  goOn(remembered: Remembered): Promise<void>;
  describe(id: string, change: { aceId?: string; title?: string }): void;
  /** Begins with all that are ready, if each has what it needs. */
  start(): void;
  pauseOrGoOn(id: string): void;
  retry(id: string): void;
  /** Takes it off the list, and back from the server unless it is complete. */
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

const NEW = {
  phase: 'ready',
  sentBytes: 0,
  bytesPerS: 0,
  refusal: undefined,
  uploadId: undefined,
  notes: [],
  replaces: undefined,
  aceIdProblem: undefined,
} as const satisfies Partial<Item>;

export function createUploads(options: {
  server: UploadServer;
  link: Link;
  memory: Memory;
  handles: FileHandles;
  cancellations: Cancellations;
}): Uploads {
  const { server, link, memory, handles, cancellations } = options;
  const maxBytes = Math.min(server.maxBytes, link.maxBytes ?? server.maxBytes);
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
    reopenable: new Set(),
    problems: [],
    isLooking: false,
  });
  void handles.keys().then((known) => {
    const wanted = new Set(memory.all().flatMap(({ key, isFinished }) => (isFinished ? [] : [key])));
    for (const key of known) if (!wanted.has(key)) void handles.forget(key);
    state.set({ reopenable: new Set([...known].filter((key) => wanted.has(key))) });
  });
  const speeds = new Map<string, Speed>();
  /** What is to be sent, by item; Uppy hears of a file when it is begun. */
  const contents = new Map<string, File>();
  const handleOf = new Map<string, FileHandle>();
  let lastId = 0;

  /** What has arrived before, and whose way may be of interest still. */
  function remembered(): Item[] {
    return memory
      .all()
      .filter(({ isFinished, aceId }) => isFinished && isWanted(aceId))
      .map(({ key, file, aceId, title, uploadUrl }) => ({
        ...{ ...NEW, id: key, file, aceId, title, isAceIdFixed: true },
        ...{ phase: 'arrived', sentBytes: file.size, uploadId: uploadIdOf(uploadUrl) },
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

  /** @returns why it was not added */
  async function addOne(file: File, handle: FileHandle | undefined): Promise<Message | undefined> {
    const { name, size } = file;
    if (size === 0) return { key: 'problem.empty', values: { name } };
    if (size > maxBytes) {
      return { key: 'problem.tooLarge', values: { name, size: { bytes: size }, limit: { bytes: maxBytes } } };
    }
    const head = await readHead(file).catch(() => undefined);
    if (head === undefined) return { key: 'problem.unreadable', values: { name } };
    const look = lookAtHead(head);
    if (look === 'other' && server.isMediaOnly) return { key: 'problem.notMedia', values: { name } };
    const mark = await markOf(file, head);
    return place({ file, handle, mark }, look === 'media' ? [] : [{ key: 'note.unknown' }]);
  }

  function place(
    { file, handle, mark }: { file: File; handle: FileHandle | undefined; mark: FileMark },
    notes: readonly Message[],
  ): Message | undefined {
    const { name } = file;
    const { items } = state.get();
    const current = items.filter(({ phase }) => phase !== 'arrived');
    if (current.some((item) => isSameFile(item.file, mark))) {
      return { key: 'problem.inList', values: { name } };
    }
    if (link.token !== undefined && current.length > 0) {
      return { key: 'problem.oneOnly', values: { name } };
    }
    const known = memory.all().filter(({ aceId }) => isWanted(aceId));
    const before = known.find((entry) => isSameFile(entry.file, mark));
    if (before?.isFinished && link.aceId !== undefined) {
      return { key: 'problem.arrived', values: { name } };
    }
    const earlier = before?.isFinished ? undefined : before;
    const replaces =
      earlier === undefined && link.aceId !== undefined
        ? unfinished().find((entry) => link.token !== undefined || entry.file.name === name)
        : undefined;
    const aceId = earlier?.aceId ?? replaces?.aceId ?? freshAceId();
    const isOwnTitle = link.aceId !== undefined && aceId === link.aceId;
    lastId += 1;
    const id = `file-${lastId}`;
    contents.set(id, file);
    if (handle !== undefined) handleOf.set(id, handle);
    const item: Item = {
      ...{ ...NEW, id, file: mark, aceId, isAceIdFixed: link.aceId !== undefined, replaces },
      title: earlier?.title ?? replaces?.title ?? (isOwnTitle ? link.title : undefined) ?? titleOf(file),
      notes: [...notes, ...historyNotes(before, replaces)],
    };
    state.set({
      items: [...items, item],
      unfinished: unfinished().filter(({ key }) => key !== earlier?.key && key !== replaces?.key),
    });
    return undefined;
  }

  function freshAceId(): string {
    if (link.aceId === undefined) return '';
    if (link.token !== undefined) return link.aceId;
    const taken = [...state.get().items, ...unfinished()].map(({ aceId }) => aceId);
    return nextAceId(link.aceId, new Set(taken));
  }

  /** Hands a file to Uppy, with what it is sent with. */
  function begin({ id, file, aceId, title, replaces }: Item): void {
    const data = contents.get(id);
    if (data === undefined) return;
    if (replaces !== undefined) takeBack(replaces);
    const handle = handleOf.get(id);
    if (handle !== undefined) void handles.keep(memory.keyFor(file, aceId), handle);
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
    change(id, { phase: 'sending', aceId, title, refusal: undefined, notes: [], replaces: undefined });
  }

  function stopped(id: string, refusal: Refusal): void {
    const item = find(id);
    if (item === undefined) return;
    const known = memory.find(item.file, item.aceId);
    if (refusal.code === 'ACE_ID_TAKEN' && known?.isFinished) {
      change(id, { phase: 'arrived', uploadId: uploadIdOf(known.uploadUrl) });
      return;
    }
    // What was refused for good is not offered again.
    if (refusal.isFinal && known !== undefined) memory.forget(known.key);
    change(id, { phase: 'stopped', refusal, bytesPerS: 0 });
  }

  /** What the server has of it is deleted, now or when it can be reached. */
  function takeBack({ key, uploadUrl, aceId }: Remembered): void {
    memory.forget(key);
    void handles.forget(key);
    cancellations.add(uploadUrl, aceId);
  }

  uppy.on('upload-progress', (file, progress) => {
    const item = findSent(file?.id);
    if (item === undefined) return;
    const sentBytes = progress.bytesUploaded || 0;
    const speed = speeds.get(item.id) ?? createSpeed();
    speeds.set(item.id, speed);
    change(item.id, {
      sentBytes,
      bytesPerS: speed.note(sentBytes, Date.now()),
      refusal: undefined,
      ...(item.phase === 'waiting' ? { phase: 'sending' } : {}),
    });
  });
  uppy.on('upload-success', (file, response) => {
    const item = findSent(file?.id);
    if (item === undefined) return;
    memory.finish(item.file, item.aceId);
    void handles.forget(memory.keyFor(item.file, item.aceId));
    const uploadId = uploadIdOf(response.uploadURL ?? '');
    change(item.id, { phase: 'arrived', sentBytes: item.file.size, uploadId, refusal: undefined });
    contents.delete(item.id);
    handleOf.delete(item.id);
    // Uppy is still at work with it.
    setTimeout(() => uppy.removeFile(uppyIdOf(item.id)));
  });
  uppy.on('upload-retry', (file) => {
    const item = findSent(file.id);
    if (item !== undefined) change(item.id, { phase: 'sending', refusal: undefined });
  });

  async function add(files: ReadonlyMap<File, FileHandle | undefined>): Promise<void> {
    state.set({ isLooking: true, problems: [] });
    const problems: Message[] = [];
    // One after another: which ids are free depends on those before.
    for (const [file, handle] of files) {
      const problem = await addOne(file, handle);
      if (problem !== undefined) problems.push(problem);
    }
    state.set({ isLooking: false, problems });
  }

  return {
    state,
    link,
    cancellations,
    add,
    async goOn({ key, aceId, file: mark }) {
      const handle = await handles.get(key);
      const file = handle === undefined ? 'gone' : await openAgain(handle);
      if (file === 'refused') return;
      if (file === 'gone') {
        void handles.forget(key);
        const reopenable = new Set([...state.get().reopenable].filter((each) => each !== key));
        state.set({ reopenable, problems: [{ key: 'problem.unreadable', values: { name: mark.name } }] });
        return;
      }
      await add(new Map([[file, handle]]));
      const item = state
        .get()
        .items.find((each) => each.phase === 'ready' && each.aceId === aceId && isSameFile(each.file, mark));
      if (item === undefined) return;
      begin(item);
      void uppy.upload().catch(() => {});
    },
    describe: (id, { aceId, title }) =>
      change(id, {
        ...(aceId === undefined ? {} : { aceId, aceIdProblem: undefined }),
        ...(title === undefined ? {} : { title }),
      }),
    start() {
      const ready = state
        .get()
        .items.filter(({ phase }) => phase === 'ready')
        .map((item) => ({ ...item, aceId: item.aceId.trim(), title: item.title.trim() }));
      const problems = ready.map((item) => aceIdProblemOf(item, ready));
      for (const [index, { id }] of ready.entries()) change(id, { aceIdProblem: problems[index] });
      state.set({ problems: [] });
      if (problems.some((problem) => problem !== undefined)) return;
      for (const item of ready) begin(item);
      if (ready.length > 0) void uppy.upload().catch(() => {});
    },
    pauseOrGoOn(id) {
      const isPaused = uppy.pauseResume(uppyIdOf(id));
      speeds.delete(id);
      change(id, { phase: isPaused ? 'paused' : 'sending', bytesPerS: 0 });
    },
    retry(id) {
      void uppy.retryUpload(uppyIdOf(id)).catch(() => {});
    },
    remove(id) {
      const item = find(id);
      if (item === undefined) return;
      const uppyId = uppyIdOf(id);
      if (uppyId !== '') {
        letGo(uppy, uppyId);
        uppy.removeFile(uppyId);
      }
      contents.delete(id);
      handleOf.delete(id);
      const known = memory.find(item.file, item.aceId);
      if (known !== undefined && (item.phase === 'ready' || known.isFinished)) {
        if (item.phase === 'arrived') memory.forget(known.key);
      } else if (known !== undefined) takeBack(known);
      state.set({ items: state.get().items.filter((each) => each.id !== id), unfinished: unfinished() });
    },
    forget(entry) {
      takeBack(entry);
      state.set({ unfinished: unfinished() });
    },
    giveUp({ file, aceId }) {
      const known = memory.find(file, aceId);
      if (known !== undefined) memory.forget(known.key);
    },
  };
}

/** Ends the requests of a file. Uppy would delete the upload too, once, and forget it if it cannot. */
function letGo(uppy: Uppy<Meta, Body>, uppyId: string): void {
  const upload = uppy.getPlugin<Tus<Meta, Body>>('Tus')?.uploaders[uppyId];
  if (!upload) return;
  void upload.abort();
  upload.url = null;
}

function historyNotes(before: Remembered | undefined, replaces: Remembered | undefined): Message[] {
  if (replaces !== undefined) {
    const { name, size } = replaces.file;
    return [{ key: 'note.changed', values: { name, size: { bytes: size } } }];
  }
  if (!before?.isFinished) return [];
  return [{ key: 'note.before', values: { time: { at: before.beganAtMs }, title: before.title } }];
}

function aceIdProblemOf({ id, aceId }: Item, ready: readonly Item[]): MessageKey | undefined {
  if (aceId === '') return 'field.idMissing';
  const isTwice = ready.some((other) => other.id !== id && other.aceId === aceId);
  return isTwice ? 'field.idTwice' : undefined;
}

/** What the server has said, if an answer came. */
function refusalOf(error: object): Refusal {
  const { originalResponse } = error as Partial<DetailedError>;
  return readRefusal(originalResponse?.getStatus() ?? 0, originalResponse?.getBody() ?? '');
}
