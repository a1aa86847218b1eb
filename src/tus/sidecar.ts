import { readFile } from 'node:fs/promises';
import { systemCode } from '../domain/errors.ts';
import { writeWhole } from '../lib/files.ts';
import type { Claim } from '../lib/media-gate.ts';
import type { RawMetadata } from './upload-metadata.ts';

/** How an upload was begun. */
export interface Permit {
  /** Where its token was; `nothing` while the server asks for none. */
  readonly via: 'header' | 'metadata' | 'nothing';
  readonly beganAtMs: number;
}

/** What is kept beside an upload's bytes, and as the memory of a finished upload outlives them. */
export interface Sidecar {
  readonly id: string;
  readonly size: number;
  readonly metadata: RawMetadata;
  /** Missing where an older version of this server began the upload. */
  readonly permit?: Permit;
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
  const permit = readPermit(value['permit']);
  return {
    id: value['id'],
    size: value['size'],
    metadata: (value['metadata'] ?? {}) as RawMetadata,
    ...(permit === undefined ? {} : { permit }),
    ...(typeof finishedAtMs === 'number' ? { finishedAtMs } : {}),
  };
}

/** What a client has said of the content. */
export function claimOf(sidecar: Sidecar | undefined): Claim {
  const { filename, filetype } = sidecar?.metadata ?? {};
  return { filename: filename ?? undefined, filetype: filetype ?? undefined };
}

function readPermit(value: unknown): Permit | undefined {
  const { via, beganAtMs }: { via?: unknown; beganAtMs?: unknown } = Object(value);
  if (via !== 'header' && via !== 'metadata' && via !== 'nothing') return undefined;
  return typeof beganAtMs === 'number' ? { via, beganAtMs } : undefined;
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
