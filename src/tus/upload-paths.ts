import { randomBytes } from 'node:crypto';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Where everything that belongs to an upload lies, by its id. The two folders share one file system. */
export interface UploadPaths {
  /** Folder of uploads in progress, and of the sidecars that remember finished ones. */
  readonly uploads: string;
  /** Folder of finished uploads, and of the notes about those that the pipeline has not accepted yet. */
  readonly incoming: string;
  /** Folder of finished uploads that the pipeline does not want. */
  readonly refused: string;
  /** The bytes while they arrive. */
  data(id: string): string;
  /** What the upload is: its length and metadata, and once it is finished, when. */
  sidecar(id: string): string;
  /** The bytes once all have arrived. */
  finished(id: string): string;
  /** What the pipeline still has to be told. */
  note(id: string): string;
  refusedFile(id: string): string;
  refusedNote(id: string): string;
}

export function uploadPaths(directory: string, incomingDirectory: string): UploadPaths {
  const refused = join(incomingDirectory, 'refused');
  return {
    uploads: directory,
    incoming: incomingDirectory,
    refused,
    data: (id) => join(directory, id),
    sidecar: (id) => join(directory, `${id}.json`),
    finished: (id) => join(incomingDirectory, `${id}.upload`),
    note: (id) => join(incomingDirectory, `${id}.json`),
    refusedFile: (id) => join(refused, `${id}.upload`),
    refusedNote: (id) => join(refused, `${id}.json`),
  };
}

/** Makes the folders, readable to this user only; ones that exist are corrected. */
export async function makeUploadFolders(paths: UploadPaths): Promise<void> {
  for (const folder of [paths.uploads, paths.incoming, paths.refused]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
  }
}

/** What cannot be guessed, and where there are several hosts the name of the one that it lies on. */
const UPLOAD_ID = /^[0-9a-f]{32}(?:-([a-z0-9-]+))?$/;

/**
 * Whoever knows an upload's id may write to it, so that ids cannot be guessed.
 *
 * @param host The one that it lies on; unset: there is one alone
 */
export function newUploadId(host?: string): string {
  const secret = randomBytes(16).toString('hex');
  return host === undefined ? secret : `${secret}-${host}`;
}

export function isUploadId(text: string): boolean {
  return UPLOAD_ID.test(text);
}

/** The host that an upload lies on; `undefined`: its id names none. */
export function hostOfUpload(id: string): string | undefined {
  return UPLOAD_ID.exec(id)?.[1];
}
