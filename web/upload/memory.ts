import type { PreviousUpload, UrlStorage } from 'tus-js-client';
import { type FileMark, isSameFile } from './file-mark.ts';

const PREFIX = 'sluice-upload:';

/** How long an upload is remembered, in milliseconds; by then the server has forgotten it. */
const KEPT_MS = 14 * 86_400_000;

/** An upload that this browser has begun. */
export interface Remembered {
  readonly key: string;
  readonly aceId: string;
  readonly title: string;
  readonly file: FileMark;
  readonly uploadUrl: string;
  readonly beganAtMs: number;
  readonly isFinished: boolean;
}

/** What this browser remembers of its uploads, so that one goes on after the browser was closed. */
export interface Memory {
  all(): Remembered[];
  find(file: FileMark, aceId?: string): Remembered | undefined;
  /** What an upload of this file is remembered under, or will be. */
  keyFor(file: FileMark, aceId: string): string;
  finish(file: FileMark, aceId: string): void;
  forget(key: string): void;
  /** The memory as the tus client asks for it: of one file under one ace_id. */
  storageFor(file: FileMark, aceId: string, title: string): UrlStorage;
}

export function createMemory(storage: Storage): Memory {
  const keyOf = ({ name, size, head, lastModified }: FileMark, aceId: string) =>
    PREFIX + JSON.stringify([aceId, name, size, head ?? lastModified]);

  function write(entry: Remembered): void {
    try {
      storage.setItem(entry.key, JSON.stringify(entry));
    } catch {
      // Full or forbidden: this upload cannot go on after the browser was closed, and works otherwise.
    }
  }

  function all(): Remembered[] {
    const entries = Object.keys(storage)
      .filter((key) => key.startsWith(PREFIX))
      .map((key) => parse(storage.getItem(key)))
      .filter((entry) => entry !== undefined);
    for (const { key, beganAtMs } of entries) if (Date.now() - beganAtMs > KEPT_MS) storage.removeItem(key);
    return entries.sort((a, b) => b.beganAtMs - a.beganAtMs);
  }

  const find = (file: FileMark, aceId?: string) =>
    all().find((entry) => isSameFile(entry.file, file) && (aceId === undefined || entry.aceId === aceId));

  const keyFor = (file: FileMark, aceId: string) => find(file, aceId)?.key ?? keyOf(file, aceId);

  return {
    all,
    find,
    keyFor,
    finish(file, aceId) {
      const entry = find(file, aceId);
      if (entry !== undefined) write({ ...entry, isFinished: true });
    },
    forget: (key) => storage.removeItem(key),

    storageFor(file, aceId, title) {
      const key = keyFor(file, aceId);
      const known = async (): Promise<PreviousUpload[]> => {
        const entry = parse(storage.getItem(key));
        if (entry === undefined || entry.isFinished) return [];
        const { uploadUrl, beganAtMs } = entry;
        const creationTime = new Date(beganAtMs).toISOString();
        // The client reads all of these, which its types do not say.
        const previous = {
          size: file.size,
          metadata: {},
          creationTime,
          urlStorageKey: key,
          uploadUrl,
          parallelUploadUrls: null,
        };
        return [previous];
      };
      return {
        findAllUploads: known,
        findUploadsByFingerprint: known,
        removeUpload: async () => storage.removeItem(key),
        async addUpload(_fingerprint, upload) {
          const { uploadUrl } = upload as PreviousUpload & { uploadUrl?: string };
          if (uploadUrl) {
            write({ key, aceId, title, file, uploadUrl, beganAtMs: Date.now(), isFinished: false });
          }
          return key;
        },
      };
    },
  };
}

/** The id that the server has given an upload: the last part of its address. */
export function uploadIdOf(uploadUrl: string): string {
  return uploadUrl.split(/[?#]/)[0]?.split('/').filter(Boolean).at(-1) ?? '';
}

function parse(text: string | null): Remembered | undefined {
  if (text === null) return undefined;
  try {
    const entry = JSON.parse(text);
    return typeof entry?.uploadUrl === 'string' && typeof entry.aceId === 'string' ? entry : undefined;
  } catch {
    return undefined;
  }
}
