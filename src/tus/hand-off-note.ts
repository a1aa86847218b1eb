import { readJson, type Sidecar } from './sidecar.ts';
import { readMetadata } from './upload-metadata.ts';

/** What the pipeline is told of a finished upload; together with the file's path this is the body of the request. */
export interface HandOffNote {
  readonly upload_id: string;
  readonly ace_id: string;
  readonly size: number;
  readonly title?: string;
  readonly filename?: string;
  readonly filetype?: string;
  readonly recipe?: string;
}

export function noteFor(sidecar: Sidecar): HandOffNote {
  const { aceId, title, filename, filetype, recipe } = readMetadata(sidecar.metadata);
  return { upload_id: sidecar.id, ace_id: aceId, size: sidecar.size, title, filename, filetype, recipe };
}

/** Reads a note; `undefined` if there is none. */
export async function readNote(path: string): Promise<HandOffNote | undefined> {
  const value = await readJson(path);
  if (typeof value?.['upload_id'] !== 'string' || typeof value['ace_id'] !== 'string') return undefined;
  const text = (key: string) => (typeof value[key] === 'string' ? value[key] : undefined);
  return {
    upload_id: value['upload_id'],
    ace_id: value['ace_id'],
    size: Number(value['size']),
    title: text('title'),
    filename: text('filename'),
    filetype: text('filetype'),
    recipe: text('recipe'),
  };
}
