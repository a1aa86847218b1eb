import type { Cost } from '../domain/media/cost.ts';
import type { Output } from '../domain/media/output.ts';
import type { OutputStand, OutputStands } from '../domain/output-stand.ts';
import type { ProgressMessage } from '../domain/progress.ts';
import type { Progress } from '../ledger/recordings.ts';
import type { Attempt } from './attempts.ts';
import type { Step } from './steps.ts';

export const OUTPUT_STATES = [
  'waiting',
  'encoding',
  'uploading',
  'running',
  'done',
  'failed',
  'revoked',
] as const;

/**
 * - `waiting`: it has not begun, or waits to be tried again
 * - `encoding`, `uploading`: it is being made, or brought to its place; `running`: neither of them just now
 * - `failed`, `revoked`: it is not there, and will not be unless somebody asks for it
 */
export type OutputState = (typeof OUTPUT_STATES)[number];

/** One output of a recording, as people see it. */
export interface OutputInSight {
  readonly step: Step;
  readonly state: OutputState;
  /** How far it is, in seconds of the film while it encodes, in bytes while it sends; `undefined`: it is at neither. */
  readonly progress:
    | {
        readonly unit: 'seconds' | 'bytes';
        readonly done: number;
        /** 0 as long as nobody knows. */
        readonly total: number;
        readonly leftS: number | undefined;
      }
    | undefined;
  readonly stand: OutputStand | undefined;
  readonly cost: Cost | undefined;
  /** All that it has put, in bytes. */
  readonly bytes: number | undefined;
  readonly files: readonly Output[];
}

/** What of a fact is told of an output, as far as it is there. */
interface OutputFact {
  readonly outputs?: readonly Output[];
  readonly bytes?: number;
  readonly cost?: Cost;
}

/** Of tasks of operators nobody knows how their facts are. */
function filesIn(fact: OutputFact | undefined): Output[] {
  const said: unknown = fact?.outputs;
  return (Array.isArray(said) ? said : []).filter(
    (each: Partial<Output>) =>
      typeof each.key === 'string' && typeof each.mediaType === 'string' && Number.isInteger(each.bytes),
  );
}

/** The outputs of a recording, in the order of its plan. */
export function outputsOf(of: {
  readonly steps: readonly Step[];
  readonly facts: Progress['facts'];
  readonly stands: OutputStands;
  readonly attempts: readonly Attempt[];
  readonly progress: ProgressMessage | undefined;
}): OutputInSight[] {
  const last = of.attempts.at(-1);
  const running = last?.outcome === 'running' ? last.stages : [];
  return of.steps
    .filter(({ isOutput }) => isOutput)
    .map((step) => {
      const stand = of.stands[step.id];
      const fact = of.facts[step.id] as OutputFact | undefined;
      const files = filesIn(fact);
      const isRunning = running.some(
        ({ stage, doneAtMs }) => stage === step.id && (doneAtMs ?? null) === null,
      );
      const progress = isRunning ? progressOf(step.id, of.progress) : undefined;
      const phase =
        progress === undefined ? 'running' : progress.unit === 'seconds' ? 'encoding' : 'uploading';
      return {
        step,
        state: stand?.ending ?? (fact !== undefined ? 'done' : isRunning ? phase : 'waiting'),
        progress,
        stand,
        cost: fact?.cost,
        bytes:
          fact === undefined ? undefined : (fact.bytes ?? files.reduce((sum, { bytes }) => sum + bytes, 0)),
        files,
      };
    });
}

function progressOf(step: string, message: ProgressMessage | undefined): OutputInSight['progress'] {
  const encoding = message?.encodings[step];
  if (encoding !== undefined) {
    const { doneS: done, totalS: total, leftS } = encoding;
    return { unit: 'seconds', done, total, leftS };
  }
  const leg = message?.legs[step];
  if (leg === undefined) return undefined;
  const { doneBytes: done, totalBytes: total, leftS } = leg;
  return { unit: 'bytes', done, total, leftS };
}
