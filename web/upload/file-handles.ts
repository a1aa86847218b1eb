/** A file that the browser can open again, where it hands such out: those of Chromium's family do, on safe pages. */
export interface FileHandle {
  getFile(): Promise<File>;
  requestPermission?(wanted: { mode: 'read' }): Promise<PermissionState>;
}

/** The handles of files that are being uploaded, so that a browser that was closed goes on without being given them again. */
export interface FileHandles {
  /** Of which uploads there is one, by what they are remembered under. */
  keys(): Promise<ReadonlySet<string>>;
  keep(key: string, handle: FileHandle): Promise<void>;
  get(key: string): Promise<FileHandle | undefined>;
  forget(key: string): Promise<void>;
}

const STORE = 'files';

/** Handles can be kept in no other storage. Where there is none, nothing is kept, and files are chosen again. */
export function createFileHandles(factory: IDBFactory | undefined): FileHandles {
  let database: Promise<IDBDatabase> | undefined;

  function open(): Promise<IDBDatabase> {
    return new Promise((resolve, reject) => {
      if (factory === undefined) throw new Error('this browser keeps nothing');
      const request = factory.open('sluice-upload', 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  async function ask<T>(
    mode: IDBTransactionMode,
    work: (store: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T | undefined> {
    try {
      database ??= open();
      const transaction = (await database).transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      return await new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve(request.result);
        transaction.onabort = () => reject(transaction.error);
      });
    } catch {
      // Forbidden, full, or a handle that cannot be kept.
      return undefined;
    }
  }

  return {
    keys: async () => new Set(((await ask('readonly', (store) => store.getAllKeys())) ?? []).map(String)),
    get: (key) => ask<FileHandle | undefined>('readonly', (store) => store.get(key)),
    async keep(key, handle) {
      await ask('readwrite', (store) => store.put(handle, key));
    },
    async forget(key) {
      await ask('readwrite', (store) => store.delete(key));
    },
  };
}

/** Opens the file of a handle; whoever uses the browser may be asked, and has to have clicked just now. */
export async function openAgain(handle: FileHandle): Promise<File | 'refused' | 'gone'> {
  try {
    const permission = (await handle.requestPermission?.({ mode: 'read' })) ?? 'granted';
    return permission === 'granted' ? await handle.getFile() : 'refused';
  } catch {
    return 'gone';
  }
}

interface Picker {
  showOpenFilePicker?(options: {
    multiple: boolean;
    types: readonly { accept: Readonly<Record<string, readonly string[]>> }[];
  }): Promise<FileHandle[]>;
}

/** Whether files can be chosen so that the browser opens them again. */
export function canPick(): boolean {
  return (globalThis as Picker).showOpenFilePicker !== undefined;
}

/** Files as somebody chooses them, with their handles; none if nobody does. */
export async function pick(isSingle: boolean): Promise<ReadonlyMap<File, FileHandle>> {
  const handles = await (globalThis as Picker).showOpenFilePicker?.({
    multiple: !isSingle,
    types: [
      { accept: { 'video/*': ['.mp4', '.mkv', '.mov', '.webm'], 'audio/*': ['.m4a', '.mp3', '.wav'] } },
    ],
  });
  const files = (handles ?? []).map(async (handle) => [await handle.getFile(), handle] as const);
  return new Map(await Promise.all(files));
}

/** The same of files that are dropped; to be called while they are. Without handles where the browser has none. */
export async function dropped(transfer: DataTransfer | null): Promise<Map<File, FileHandle | undefined>> {
  const files = [...(transfer?.files ?? [])];
  const items = [...(transfer?.items ?? [])].filter(({ kind }) => kind === 'file');
  const handles = items.map((item) =>
    (item as DataTransferItem & { getAsFileSystemHandle?(): Promise<FileHandle> })
      .getAsFileSystemHandle?.()
      .catch(() => undefined),
  );
  const isPaired = handles.length === files.length;
  const pairs = files.map(
    async (file, index) => [file, isPaired ? await handles[index] : undefined] as const,
  );
  return new Map(await Promise.all(pairs));
}
