import { realpath, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import type { UploadDesk } from '../desk/uploads.ts';
import type { Backoff } from '../domain/backoff.ts';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import { endlessPauseMs } from '../domain/next-attempt.ts';
import type { Origin } from '../domain/recording.ts';
import { pause } from '../lib/abort.ts';
import { haveSameBytes, lengthOf, removeAll, writeWhole } from '../lib/files.ts';
import type { HandOffNote } from './hand-off-note.ts';
import { parseObject } from './sidecar.ts';
import type { UploadPaths } from './upload-paths.ts';

/** How long the pipeline may take for one answer, in milliseconds. */
const ANSWER_TIMEOUT_MS = 10_000;

const RETRY: Backoff = { attempts: Number.POSITIVE_INFINITY, minMs: 200, maxMs: 30_000 };

/**
 * The pipeline's refusals that no repetition changes: it is not a request, the recording exists already or the file is
 * not what was announced, the content is not media. Any other answer may come from a wrong setting or a bad moment.
 */
const FINAL_STATUSES: ReadonlySet<number> = new Set([400, 409, 415]);

/** A refusal that says nothing about the upload: the two processes run as different users, until someone sees to it. */
const REPAIRABLE_CODE: ErrorCode = 'FILE_NOT_READABLE';

/** How much of a refusal's text is kept, in characters. */
const MAX_REASON = 2000;

export interface HandOffOptions {
  readonly paths: UploadPaths;
  /** Where `POST /manual-upload` is, without that path. */
  readonly pipelineUrl: string;
  /** What the pipeline wants to be shown, where it does not trust this machine's callers. */
  readonly adminToken?: string | undefined;
  readonly desk: Pick<UploadDesk, 'recordingOf' | 'noteSurplus'>;
  readonly log: Logger;
  readonly retry?: Backoff;
}

/** Tells the pipeline of finished uploads, each by itself, for as long as it takes. */
export interface HandOff {
  /** Begins to offer an upload, if that is not going on already. */
  add(note: HandOffNote): void;
  stop(): Promise<void>;
}

type Answer =
  | { readonly kind: 'accepted'; readonly isDuplicate: boolean }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string };

export function createHandOff(options: HandOffOptions): HandOff {
  const { paths, desk, adminToken, retry = RETRY } = options;
  const proof: Record<string, string> =
    adminToken === undefined ? {} : { authorization: `Bearer ${adminToken}` };
  const stopping = new AbortController();
  const offers = new Map<string, Promise<void>>();

  async function offerUntilAnswered(note: HandOffNote): Promise<void> {
    const log = options.log.child({ uploadId: note.upload_id, aceId: note.ace_id });
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await offer(note, log);
      } catch (err) {
        stopping.signal.throwIfAborted();
        const pauseMs = endlessPauseMs(retry, attempt);
        log.warn({ event: 'handoff.failed', attempt, pauseMs, err }, 'handoff failed, it is tried again');
        await pause(pauseMs, stopping.signal);
      }
    }
  }

  async function offer(note: HandOffNote, log: Logger): Promise<void> {
    const id = note.upload_id;
    const known = await desk.recordingOf(note.ace_id);
    if ((await lengthOf(paths.finished(id))) === undefined) {
      if (known === undefined && (await lengthOf(paths.refusedNote(id))) === undefined) {
        throw new Error('the file is gone, and the ledger does not know its recording');
      }
      await removeAll(paths.note(id));
      return;
    }

    const answer = await ask(note);
    if (answer.kind === 'refused') return await setAside(note, answer, log);

    if (answer.isDuplicate) await removeSurplus(note, known?.origin, log);
    await removeAll(paths.note(id));
    log.info({ event: 'handoff.accepted', duplicate: answer.isDuplicate }, 'handoff accepted');
  }

  async function ask(note: HandOffNote): Promise<Answer> {
    const response = await fetch(`${options.pipelineUrl}/manual-upload`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...proof },
      body: JSON.stringify({ ...note, path: paths.finished(note.upload_id) }),
      redirect: 'error',
      signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
    });
    const text = await response.text();
    const isRepairable = parseObject(text)?.['code'] === REPAIRABLE_CODE;
    if (FINAL_STATUSES.has(response.status) && !isRepairable) {
      return { kind: 'refused', status: response.status, reason: text.slice(0, MAX_REASON) };
    }
    const isDuplicate = response.status === 202 ? parseObject(text)?.['duplicate'] : undefined;
    if (typeof isDuplicate !== 'boolean') {
      throw new Error(`the pipeline answered ${response.status}: ${text.slice(0, MAX_REASON)}`);
    }
    return { kind: 'accepted', isDuplicate };
  }

  /**
   * Of two uploads of one recording only the one in the ledger is brought home: the first; or where that recording had
   * failed, the one that gave it a new beginning, and then the file of the failed one goes. Of the other one the history
   * tells; only what is the same byte by byte is removed at once, all else is kept where refused uploads are.
   */
  async function removeSurplus(note: HandOffNote, before: Origin | undefined, log: Logger): Promise<void> {
    const path = paths.finished(note.upload_id);
    const recording = await desk.recordingOf(note.ace_id);
    if (recording?.origin.kind !== 'file') return;
    // It is what this one begins anew with, once what it has made is taken back.
    if (recording.state === 'cancelling' || recording.wanted === 'cancelled') return;

    if (!(await isSameFile(recording.origin.path, path))) {
      const isSame = await haveSameBytes(recording.origin.path, path, stopping.signal);
      const { upload_id: uploadId, size: bytes } = note;
      // First, so that it is told twice rather than never.
      await desk.noteSurplus(recording.id, { uploadId, bytes, isKept: !isSame });
      if (isSame) await removeAll(path);
      else await keepAside(note, { status: 409, reason: 'another upload of this recording was first' });
      log.warn(
        { event: 'handoff.surplus', recordingId: recording.id, kept: !isSame },
        'another upload of this recording was first',
      );
      return;
    }
    if (before?.kind !== 'file' || dirname(before.path) !== (await realPathOf(paths.incoming))) return;
    if (await isSameFile(before.path, path)) return;
    await removeAll(before.path);
    log.warn(
      { event: 'handoff.replaced', recordingId: recording.id },
      'the file of a failed recording is replaced',
    );
  }

  /** Keeps an upload that is not brought home for as long as an unfinished one. */
  async function keepAside(note: HandOffNote, { status, reason }: Pick<Refusal, 'status' | 'reason'>) {
    const id = note.upload_id;
    await writeWhole(
      paths.refusedNote(id),
      JSON.stringify({ ...note, refusal: { status, reason, atMs: Date.now() } }),
    );
    await rename(paths.finished(id), paths.refusedFile(id));
  }

  async function setAside(note: HandOffNote, refusal: Refusal, log: Logger): Promise<void> {
    const { status, reason } = refusal;
    await keepAside(note, refusal);
    await removeAll(paths.note(note.upload_id));
    log.error(
      { event: 'handoff.refused', status, reason },
      'the pipeline refused the upload, it is set aside',
    );
  }

  return {
    add(note) {
      const id = note.upload_id;
      if (offers.has(id) || stopping.signal.aborted) return;
      // Fails only because it is stopped; the note stays for the next process.
      const work = offerUntilAnswered(note).catch(() => {});
      offers.set(id, work);
      void work.finally(() => offers.delete(id));
    },

    async stop() {
      stopping.abort();
      await Promise.all(offers.values());
    },
  };
}

type Refusal = Extract<Answer, { kind: 'refused' }>;

/** Whether two paths lead to one file, also by way of links. */
async function isSameFile(one: string, other: string): Promise<boolean> {
  return one === other || (await realPathOf(one)) === (await realPathOf(other));
}

async function realPathOf(path: string): Promise<string> {
  return await realpath(path).catch(() => path);
}
