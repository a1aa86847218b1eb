import { setTimeout as sleep } from 'node:timers/promises';
import { KnownError } from '../domain/errors.ts';
import type { TaskShapes } from '../domain/recipe.ts';
import { MOVABLE_STATES, type Recording } from '../domain/recording.ts';
import type { RecordingEvent } from '../ledger/events.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { wallMs } from '../lib/wall-time.ts';
import type { RecipeBook } from '../recipes/book.ts';
import type { ProgressBoard } from './progress-board.ts';
import { noSuchRecording } from './recording-details.ts';

/** How often the history of a run is looked at while somebody follows it, in milliseconds. */
const LOOK_EVERY_MS = 50;

/** How often it is told how far a run is that works on its pieces, in milliseconds. */
const PROGRESS_EVERY_MS = 500;

const BATCH = 200;

/** What happens in a run that cuts a recording into pieces. */
export type PieceNews = { readonly atMs: number } & (
  | { readonly kind: 'queued' }
  /** A step that cuts has begun, or is so far, in seconds of the film. */
  | {
      readonly kind: 'processing';
      readonly step: string;
      readonly progress?: { readonly doneS: number; readonly totalS: number };
    }
  | {
      readonly kind: 'piece';
      readonly step: string;
      readonly piece: {
        readonly index: number;
        readonly startS: number;
        readonly endS: number;
        readonly key: string;
        readonly address: string | null;
        readonly bytes: number;
      };
    }
  /** It has met an error; if that is the last, it is over. */
  | {
      readonly kind: 'error';
      readonly step: string | undefined;
      readonly code: string;
      readonly message: string;
    }
  /** All pieces are where they belong. */
  | { readonly kind: 'done' }
);

export interface Pieces {
  /**
   * What has happened in a run so far, in its order, and then what happens, until the run is over.
   *
   * @throws KnownError `NOT_FOUND`; `WRONG_STATE` of a run that cuts nothing
   */
  follow(runId: string, signal: AbortSignal): AsyncGenerator<PieceNews>;
}

/** The task whose steps cut pieces. */
const CHUNK = 'chunk';

/** What in a history says that a run is over, or begins anew. */
const OVER = [
  'recording.done',
  'recording.failed',
  'recording.cancelled',
  'recording.deleted',
  'outputs.settled',
];

export function createPieces(options: {
  readonly ledger: Pick<Ledger, 'recordings' | 'history'>;
  readonly book: Pick<RecipeBook, 'planOf'>;
  readonly tasks: TaskShapes;
  readonly progress: Pick<ProgressBoard, 'of'>;
}): Pieces {
  const { book, progress } = options;
  const { recordings, history } = options.ledger;

  /** The steps of a run that cut. */
  async function requireCutting(id: string): Promise<ReadonlySet<string>> {
    const recording = await recordings.get(id);
    if (recording === undefined) throw noSuchRecording(id);
    const { steps } = await book.planOf(recording);
    const cutting = steps.filter(({ task }) => task === CHUNK).map((step) => step.id);
    if (cutting.length > 0) return new Set(cutting);
    throw new KnownError(`The run ${id} cuts nothing into pieces: it has no step of the task "${CHUNK}"`, {
      code: 'WRONG_STATE',
    });
  }

  return {
    async *follow(runId, signal) {
      const cutting = await requireCutting(runId);
      let afterSeq = 0;
      let isOver = false;
      let working: string | undefined;
      let toldAtMs = performance.now();
      for (;;) {
        const events = await history.ofRecordingAfter(runId, afterSeq, BATCH);
        for (const event of events) {
          afterSeq = event.seq;
          working = workingAfter(event, cutting, working);
          isOver = OVER.includes(event.type) || (isOver && !event.type.startsWith('attempt.'));
          const news = newsOf(event, cutting);
          if (news !== undefined) yield news;
        }
        if (signal.aborted) return;
        if (events.length === BATCH) continue;
        // A long history may have been shortened: how it stands says it as well.
        if (isOver && isAtRest(await recordings.get(runId))) return;
        if (events.length === 0 && afterSeq === 0 && isAtRest(await recordings.get(runId))) return;
        if (working !== undefined && performance.now() - toldAtMs >= PROGRESS_EVERY_MS) {
          toldAtMs = performance.now();
          const encoding = progress.of(runId)?.encodings[working];
          if (encoding !== undefined) {
            const { doneS, totalS } = encoding;
            yield { kind: 'processing', atMs: wallMs(), step: working, progress: { doneS, totalS } };
          }
        }
        await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
        if (signal.aborted) return;
      }
    },
  };
}

function isAtRest(recording: Recording | undefined): boolean {
  return recording === undefined || !MOVABLE_STATES.includes(recording.state);
}

/** The step that cuts, once this has happened. */
function workingAfter(
  { type, data }: RecordingEvent,
  cutting: ReadonlySet<string>,
  before: string | undefined,
): string | undefined {
  const stage = String(data['stage']);
  if (type === 'stage.started') return cutting.has(stage) ? stage : before;
  const hasEnded =
    ['attempt.failed', 'attempt.postponed', 'attempt.interrupted', ...OVER].includes(type) ||
    (['stage.done', 'output.failed', 'output.revoked'].includes(type) && stage === before);
  return hasEnded ? undefined : before;
}

function newsOf({ type, atMs, data }: RecordingEvent, cutting: ReadonlySet<string>): PieceNews | undefined {
  const step = typeof data['stage'] === 'string' ? data['stage'] : undefined;
  const isOfCut = step !== undefined && cutting.has(step);
  const error = () => ({
    ...{ kind: 'error' as const, atMs, step },
    ...{ code: String(data['code'] ?? ''), message: String(data['message'] ?? '') },
  });
  switch (type) {
    case 'recording.accepted':
    case 'recording.revived':
    case 'recording.retried':
      return { kind: 'queued', atMs };
    case 'stage.started':
      return isOfCut ? { kind: 'processing', atMs, step } : undefined;
    case 'piece.made':
      return isOfCut ? { kind: 'piece', atMs, step, piece: pieceOf(data) } : undefined;
    case 'output.failed':
      return isOfCut ? error() : undefined;
    case 'attempt.failed':
    case 'attempt.postponed':
    case 'recording.failed':
      return error();
    case 'recording.cancelled':
      return { kind: 'error', atMs, step: undefined, code: 'CANCELLED', message: 'The run was cancelled' };
    case 'recording.done':
      return { kind: 'done', atMs };
    default:
      return undefined;
  }
}

function pieceOf(data: RecordingEvent['data']) {
  const { index, startS, endS, key, address, bytes } = data;
  return {
    index: Number(index),
    startS: Number(startS),
    endS: Number(endS),
    key: String(key),
    address: typeof address === 'string' ? address : null,
    bytes: Number(bytes),
  };
}
