import { readdir, rename } from 'node:fs/promises';
import type { Logger } from 'pino';
import { endlessPauseMs } from '../domain/next-attempt.ts';
import { pause } from '../lib/abort.ts';
import { lengthOf, removeAll, syncFile, syncFolder, writeWhole } from '../lib/files.ts';
import type { MediaGate } from '../lib/media-gate.ts';
import type { HandOff } from './hand-off.ts';
import { noteFor, readNote } from './hand-off-note.ts';
import { notMedia, UploadRefused } from './refusal.ts';
import { claimOf, readSidecar, type Sidecar, writeSidecar } from './sidecar.ts';
import { isUploadId, type UploadPaths } from './upload-paths.ts';

/** Between attempts to store an upload that could not be stored. */
const RETRY = { attempts: Number.POSITIVE_INFINITY, minMs: 500, maxMs: 30_000 };

export interface FinisherOptions {
  readonly paths: UploadPaths;
  readonly handOff: Pick<HandOff, 'add'>;
  readonly media: Pick<MediaGate, 'typeOf'>;
  readonly log: Logger;
}

/** Brings uploads that have all their bytes to the place where the pipeline finds them. */
export interface Finisher {
  /**
   * Resolves once a complete upload is safe, and its handoff has begun. Harmless at any other time, and again.
   *
   * @throws UploadRefused 415 for one that is neither audio nor video, and then nothing of it is left
   */
  finish(id: string): Promise<void>;
  /** The same in the background, until it succeeds. */
  finishLater(id: string): void;
  /** Takes up the handoffs that an earlier process left; complete uploads that it left are for `finishLater`. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * An upload whose first bytes did not tell what it is is looked at as a whole, before anybody hears that it has arrived.
 * Then come the steps of finishing, each durable before the next: the bytes, the note of what to tell the pipeline, the mark in
 * the sidecar, the move. Until the move the upload still counts as complete but not finished, and is finished again
 * from the first step; after it the note is there.
 */
export function createFinisher({ paths, handOff, media, log }: FinisherOptions): Finisher {
  const stopping = new AbortController();
  const underWay = new Map<string, Promise<void>>();
  const background = new Map<string, Promise<void>>();

  async function moveIfComplete(id: string): Promise<void> {
    const sidecar = await readSidecar(paths.sidecar(id));
    const bytes = await lengthOf(paths.data(id));
    if (sidecar === undefined || bytes !== sidecar.size) return;

    await requireMedia(sidecar);
    const note = noteFor(sidecar);
    await syncFile(paths.data(id));
    await writeWhole(paths.note(id), JSON.stringify(note));
    await writeSidecar(paths.sidecar(id), { ...sidecar, finishedAtMs: sidecar.finishedAtMs ?? Date.now() });
    await rename(paths.data(id), paths.finished(id));
    log.info({ event: 'upload.finished', uploadId: id, aceId: note.ace_id, bytes }, 'upload finished');
  }

  async function requireMedia(sidecar: Sidecar): Promise<void> {
    const { id } = sidecar;
    if ((await media.typeOf(paths.data(id), claimOf(sidecar))) !== undefined) return;
    await removeAll(paths.data(id));
    await removeAll(paths.sidecar(id));
    log.info({ event: 'upload.not-media', uploadId: id, bytes: sidecar.size }, 'upload is no audio or video');
    throw notMedia('The file is complete, and nothing in it says that it is audio or video.');
  }

  async function run(id: string): Promise<void> {
    await moveIfComplete(id);
    const note = await readNote(paths.note(id));
    if (note === undefined) return;
    await syncFolder(paths.incoming);
    await syncFolder(paths.uploads);
    handOff.add(note);
  }

  function finish(id: string): Promise<void> {
    const known = underWay.get(id);
    if (known !== undefined) return known;
    const work = run(id).finally(() => underWay.delete(id));
    underWay.set(id, work);
    return work;
  }

  async function finishUntilDone(id: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await finish(id);
      } catch (err) {
        if (err instanceof UploadRefused) return;
        log.error(
          { event: 'upload.finish-failed', uploadId: id, attempt, err },
          'upload could not be stored',
        );
        await pause(endlessPauseMs(RETRY, attempt), stopping.signal);
      }
    }
  }

  function finishLater(id: string): void {
    if (background.has(id) || stopping.signal.aborted) return;
    // Fails only because it is stopped; the next process takes it up.
    const work = finishUntilDone(id).catch(() => {});
    background.set(id, work);
    void work.finally(() => background.delete(id));
  }

  return {
    finish,
    finishLater,

    async resume() {
      for (const name of await readdir(paths.incoming)) {
        const id = name.replace(/\.json$/, '');
        if (!isUploadId(id) || (await lengthOf(paths.data(id))) !== undefined) continue;
        const note = await readNote(paths.note(id));
        if (note === undefined)
          log.error({ event: 'handoff.unreadable', uploadId: id }, 'note cannot be read');
        else handOff.add(note);
      }
    },

    async stop() {
      stopping.abort();
      await Promise.allSettled([...underWay.values(), ...background.values()]);
    },
  };
}
