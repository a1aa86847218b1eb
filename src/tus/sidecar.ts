import { readFile } from 'node:fs/promises';
import { systemCode } from '../domain/errors.ts';
import { writeWhole } from '../lib/files.ts';
import type { RawMetadata } from './upload-metadata.ts';

/** What is kept beside an upload's bytes, and as the memory of a finished upload outlives them. */
export interface Sidecar {
  readonly id: string;
  readonly size: number;
  readonly metadata: RawMetadata;
  /** Set once all bytes are safe; the bytes may then have moved on. */
  readonly finishedAtMs?: number;
}

export async function writeSidecar(path: string, sidecar: Sidecar): Promise<void> {
  await writeWhole(path, JSON.stringify(sidecar));
}

/** Reads a sidecar; `undefined` if there is none, or none that makes sense. */
export async function readSidecar(path: string): Promise<Sidecar | undefined> {
  const value = await readJson(path);
  if (typeof value?.['id'] !== 'string' || typeof value['size'] !== 'number') return undefined;
  const finishedAtMs = value['finishedAtMs'];
  return {
    id: value['id'],
    size: value['size'],
    metadata: (value['metadata'] ?? {}) as RawMetadata,
    ...(typeof finishedAtMs === 'number' ? { finishedAtMs } : {}),
  };
}

/** Reads a JSON object; `undefined` if there is no such file or it holds something else. */
export async function readJson(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  return parseObject(text);
}

export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value))
      : undefined;
  } catch {
    return undefined;
  }
}
