import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { KnownError, orMachineTrouble } from '../domain/errors.ts';
import { filenameOf, type InputAddress, readInput, shownInput } from '../domain/input.ts';
import { LOOK_LANE, type TaskShape } from '../domain/recipe.ts';
import type { Recording } from '../domain/recording.ts';
import type { Task, TaskContext } from '../engine/task.ts';
import { pathBytes } from '../lib/byte-path.ts';
import { openUnchanged } from '../lib/local-file.ts';
import { SNIFFED_BYTES } from '../lib/media-type.ts';
import { PROBED_ENTRIES, type Probed, readProbed } from './support/probed.ts';
import type { Tools } from './support/tools.ts';

export const shape = {
  name: 'glance',
  label: 'Glance',
  lane: LOOK_LANE,
} as const satisfies TaskShape;

/** How much of a file elsewhere is fetched: of its beginning, and of its end, where some have what tells of the rest. */
const BEGINNING_BYTES = 8 * 1024 * 1024;
const END_BYTES = 4 * 1024 * 1024;

type InputOrigin = Extract<Recording['origin'], { kind: 'input' }>;

/** What its beginning and its end say may be next to nothing. */
const NOTHING_KNOWN = { container: '', durationS: null, bitsPerS: null, streams: [] };

/**
 * Looks into the input of a run where that lies: a file of this machine as it is, of one elsewhere the beginning and the end.
 * Fetches nothing and makes nothing.
 *
 * Safe to repeat: it only reads.
 */
export function makeTask({
  inputs,
  ffprobe,
  media,
  scratch,
}: Pick<Tools, 'inputs' | 'ffprobe' | 'media' | 'scratch'>): Omit<
  Task<unknown, Probed, never>,
  keyof TaskShape
> {
  return {
    serviceFor({ recording: { origin } }) {
      return origin.kind === 'input' ? inputs.serviceOf(readInput(origin.address)) : undefined;
    },

    async run(context) {
      const { origin } = context.recording;
      if (origin.kind !== 'input') {
        throw new KnownError('It came by no address at which could be looked', { code: 'PARAMS_UNFIT' });
      }
      const address = readInput(origin.address);
      const path = await inputs.localPath(address);
      return path === undefined
        ? await lookFromAfar(context, address, origin)
        : await lookHere(path, address, origin);
    },
  };

  async function lookHere(path: string, address: InputAddress, origin: InputOrigin): Promise<Probed> {
    const { bytes, file } = origin;
    const handle =
      file === undefined || bytes === null
        ? await opened(path)
        : await openUnchanged({ path, bytes, modifiedAtMs: file.modifiedAtMs });
    try {
      const probed = await probe(handle, (await handle.stat()).size);
      if (probed !== undefined) return probed;
      const type = await media.typeOf(handle, { filename: filenameOf(address) });
      throw type === undefined ? noMedia(address) : broken(address);
    } finally {
      await handle.close();
    }
  }

  async function lookFromAfar(
    context: TaskContext,
    address: InputAddress,
    origin: InputOrigin,
  ): Promise<Probed> {
    const { signal } = context;
    const { bytes, validator } = await inputs.look({ address, signal });
    if (origin.validator !== null && validator !== origin.validator) {
      throw new KnownError(`${shownInput(address)} has been written anew`, { code: 'SOURCE_CHANGED' });
    }
    const totalBytes = bytes ?? 0;
    return await scratch.use(context, BEGINNING_BYTES + END_BYTES, async (folder) => {
      const handle = await open(join(folder, 'ends'), 'w+');
      try {
        // What is not fetched is a hole, and takes no room.
        await handle.truncate(totalBytes);
        const read = { handle, address, validator, signal };
        await copyPart({ ...read, fromByte: 0, endByte: Math.min(totalBytes, BEGINNING_BYTES) });
        const endsAt = Math.max(BEGINNING_BYTES, totalBytes - END_BYTES);
        if (endsAt < totalBytes) await copyPart({ ...read, fromByte: endsAt, endByte: totalBytes });
        const probed = await probe(handle, totalBytes);
        if (probed !== undefined) return probed;
        if ((await lookAtBeginning(handle, totalBytes)) === 'other') throw noMedia(address);
        return { ...NOTHING_KNOWN, bytes: totalBytes };
      } catch (error) {
        throw orMachineTrouble(error);
      } finally {
        await handle.close();
      }
    });
  }

  async function copyPart(of: {
    readonly handle: FileHandle;
    readonly address: InputAddress;
    readonly validator: string | null;
    readonly signal: AbortSignal;
    readonly fromByte: number;
    readonly endByte: number;
  }): Promise<void> {
    const { handle, address, validator, signal, fromByte, endByte } = of;
    const download = await inputs.open({ address, fromByte, validator, signal });
    let at = download.startByte;
    try {
      for await (const chunk of download.chunks) {
        const part = chunk.subarray(Math.max(0, fromByte - at), Math.max(0, endByte - at));
        if (part.length > 0) await handle.write(part, 0, part.length, Math.max(at, fromByte));
        at += chunk.length;
        if (at >= endByte) return;
      }
    } finally {
      download.dismiss();
    }
  }

  async function lookAtBeginning(handle: FileHandle, totalBytes: number) {
    const bytes = Math.min(SNIFFED_BYTES, totalBytes);
    const { buffer } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return (await media.look(buffer)).kind;
  }

  async function probe(handle: FileHandle, bytes: number): Promise<Probed | undefined> {
    if (ffprobe === undefined) {
      throw new KnownError('The file cannot be looked into: FFPROBE is none', {
        code: 'TOOL_MISSING',
        retry: 'backoff',
      });
    }
    const text = await ffprobe.show(handle, PROBED_ENTRIES);
    return text === undefined ? undefined : readProbed(text, bytes);
  }
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(pathBytes(path), 'r');
  } catch (error) {
    throw orMachineTrouble(error);
  }
}

function noMedia(address: InputAddress): KnownError {
  return new KnownError(`By its content ${shownInput(address)} is neither audio nor video`, {
    code: 'NOT_MEDIA',
  });
}

function broken(address: InputAddress): KnownError {
  return new KnownError(`What is in ${shownInput(address)} cannot be read`, { code: 'MEDIA_BROKEN' });
}
