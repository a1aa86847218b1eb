import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { KnownError, orMachineTrouble } from '../domain/errors.ts';
import type { Callback } from '../domain/handed-over.ts';
import type { HandedFiles, HandedJob, HandedOver } from '../ledger/handed-over.ts';
import type { RemoteWorkers } from '../ledger/remote-workers.ts';
import { isSameText } from '../lib/constant-time.ts';
import { sha256 } from '../lib/digest.ts';
import { lengthOf, makeFolder, namesIn } from '../lib/files.ts';
import { createTurnsAbout } from '../lib/turns.ts';

/** Answers the programs elsewhere to which steps were handed over: each by the secrets of its own job. */
export interface HandedDesk {
  /**
   * Hears how a job stands. Said a second time, an end changes nothing.
   *
   * @throws KnownError `HANDED_SECRET_WRONG`, `HANDED_CLOSED`, `REQUEST_INVALID` where an output was not written
   */
  hear(id: string, token: string, said: Callback): Promise<{ readonly isRepeated: boolean }>;
  /** @throws KnownError `HANDED_SECRET_WRONG`, `HANDED_CLOSED`, `NOT_FOUND` */
  inputOf(id: string, key: string): Promise<HandedInput>;
  /**
   * Writes an output whole, in place of one of that name.
   *
   * @throws KnownError `HANDED_SECRET_WRONG`, `HANDED_CLOSED`, `TOO_LARGE`, `DISK_FULL`
   */
  writeOutput(
    id: string,
    key: string,
    output: { readonly name: string; readonly body: AsyncIterable<Buffer> },
  ): Promise<{ readonly bytes: number }>;
  /** How much of an output that comes in pieces is there, in bytes. */
  offsetOf(id: string, key: string, name: string): Promise<number>;
  /**
   * Writes one piece of an output behind those before it; with the last one it is there. What of a piece has come stays when
   * its sender is cut off.
   *
   * @throws KnownError as `writeOutput` does; `WRONG_STATE` where the piece does not begin where the last one has ended
   */
  appendOutput(
    id: string,
    key: string,
    piece: {
      readonly name: string;
      readonly fromByte: number;
      readonly isLast: boolean;
      readonly body: AsyncIterable<Buffer>;
    },
  ): Promise<{ readonly offset: number }>;
}

/** The input of a job that somebody waits for, as it was a moment ago. */
export interface HandedInput {
  readonly bytes: number;
  readonly mediaType: string;
  /** Begins to read it. Whoever reads no further dismisses it. */
  read(fromByte: number): {
    readonly totalBytes: number;
    readonly chunks: AsyncIterable<Buffer>;
    dismiss(): void;
  };
}

export function createHandedDesk({
  handedOver,
  remoteWorkers,
}: {
  readonly handedOver: HandedOver;
  readonly remoteWorkers: Pick<RemoteWorkers, 'seen'>;
}): HandedDesk {
  const inTurn = createTurnsAbout();

  /** @throws KnownError `HANDED_SECRET_WRONG` of a job that there is not as well: nobody learns which there are. */
  async function require(id: string, secret: string, kind: 'tokenHash' | 'filesHash'): Promise<HandedJob> {
    const job = await handedOver.get(id);
    if (job !== undefined && isSameText(sha256(secret), job[kind])) return job;
    throw new KnownError('There is no job of this id with this secret', { code: 'HANDED_SECRET_WRONG' });
  }

  async function requireOpen(id: string, key: string): Promise<HandedJob> {
    const job = await require(id, key, 'filesHash');
    if (job.state !== 'open') throw closed();
    await handedOver.heard(id);
    return job;
  }

  return {
    async hear(id, token, said) {
      const job = await require(id, token, 'tokenHash');
      if (job.takenBy !== null) await remoteWorkers.seen(job.takenBy);
      if (said.status === 'running') {
        const { doneS, totalS } = said;
        const progress = doneS === undefined ? undefined : { doneS, totalS: totalS ?? 0 };
        if (!(await handedOver.heard(id, progress))) throw closed();
        return { isRepeated: false };
      }
      if (said.status === 'returned') {
        if (job.state !== 'open') return { isRepeated: true };
        await handedOver.close(id);
        return { isRepeated: false };
      }
      if (job.state === said.status) return { isRepeated: true };
      if (job.state !== 'open') throw closed();
      if (said.status === 'done') await requireWritten(job, said.outputs);
      const hasEnded = await handedOver.ended(id, said.status, said.status === 'done' ? said : said.error);
      if (hasEnded) return { isRepeated: false };
      // Said twice at once.
      if ((await handedOver.get(id))?.state === said.status) return { isRepeated: true };
      throw closed();
    },

    async inputOf(id, key) {
      const { files } = await requireOpen(id, key);
      const { inputPath, inputBytes: bytes, inputType: mediaType } = files;
      if ((await lengthOf(inputPath)) !== bytes) {
        throw new KnownError('The input is no longer there as it was', { code: 'NOT_FOUND' });
      }
      return {
        bytes,
        mediaType,
        read(fromByte) {
          const chunks = createReadStream(inputPath, { start: fromByte });
          return { totalBytes: bytes, chunks, dismiss: () => void chunks.destroy() };
        },
      };
    },

    async writeOutput(id, key, { name, body }) {
      const { files } = await requireOpen(id, key);
      const part = join(files.folder, `${PART}${randomUUID()}`);
      try {
        const bytes = await write(files, { path: part, name, fromByte: 0, body });
        // Closed meanwhile, the folder may be gone as well.
        await requireOpen(id, key);
        await rename(part, join(files.folder, name));
        return { bytes };
      } catch (error) {
        await rm(part, { force: true });
        throw orMachineTrouble(error);
      }
    },

    async offsetOf(id, key, name) {
      const { files } = await requireOpen(id, key);
      return (await lengthOf(growingPath(files, name))) ?? (await lengthOf(join(files.folder, name))) ?? 0;
    },

    async appendOutput(id, key, { name, fromByte, isLast, body }) {
      const { files } = await requireOpen(id, key);
      const path = growingPath(files, name);
      return await inTurn(path, async () => {
        const offset = (await lengthOf(path)) ?? 0;
        if (fromByte !== offset) {
          throw new KnownError(`Of ${name} there are ${offset} bytes: go on from there`, {
            code: 'WRONG_STATE',
          });
        }
        try {
          const written = await write(files, { path, name: basename(path), fromByte, body });
          await requireOpen(id, key);
          if (isLast) await rename(path, join(files.folder, name));
          return { offset: offset + written };
        } catch (error) {
          throw orMachineTrouble(error);
        }
      });
    },
  };
}

/** @returns how many bytes were written */
async function write(
  { folder, maxBytes }: HandedFiles,
  to: { path: string; name: string; fromByte: number; body: AsyncIterable<Buffer> },
): Promise<number> {
  const room = maxBytes - to.fromByte - (await bytesIn(folder, to.name));
  let bytes = 0;
  await makeFolder(folder);
  await pipeline(
    async function* () {
      for await (const chunk of to.body) {
        bytes += chunk.length;
        if (bytes > room) throw tooLarge(maxBytes);
        yield chunk;
      }
    },
    createWriteStream(to.path, { flags: to.fromByte === 0 ? 'w' : 'a' }),
  );
  return bytes;
}

function growingPath({ folder }: HandedFiles, name: string): string {
  return join(folder, `${GROWING}${name}`);
}

const GROWING = '.growing-';

/** What is not whole yet begins so, which the name of no output does. */
const PART = '.part-';

async function requireWritten(
  { files }: HandedJob,
  outputs: readonly { readonly name: string }[],
): Promise<void> {
  for (const { name } of outputs) {
    if (((await lengthOf(join(files.folder, name))) ?? 0) > 0) continue;
    throw new KnownError(`The output ${name} was not written, or is empty`, { code: 'REQUEST_INVALID' });
  }
}

/** What lies in a folder, in bytes, without one name. */
async function bytesIn(folder: string, without: string): Promise<number> {
  let sum = 0;
  for (const name of await namesIn(folder)) {
    if (name !== without) sum += (await lengthOf(join(folder, name))) ?? 0;
  }
  return sum;
}

function closed(): KnownError {
  return new KnownError('Nobody waits for this job any more', { code: 'HANDED_CLOSED' });
}

function tooLarge(maxBytes: number): KnownError {
  return new KnownError(`The outputs of this job may have ${maxBytes} bytes together`, { code: 'TOO_LARGE' });
}
