import { companionsBeside } from '../domain/companions.ts';
import type { Delivery, DeliveryAttempt } from '../domain/delivery.ts';
import { KnownError } from '../domain/errors.ts';
import { readInput } from '../domain/input.ts';
import type { Recording } from '../domain/recording.ts';
import type { RecordingSummary } from '../domain/recording-summary.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Progress, StageTimes } from '../ledger/recordings.ts';
import { type Attempt, attemptsOf } from './attempts.ts';
import { inWords, type ToldEvent } from './history.ts';
import { type OutputInSight, outputsOf } from './outputs.ts';
import type { ProgressBoard } from './progress-board.ts';
import type { InputDesk } from './runs.ts';
import type { Step, Steps } from './steps.ts';
import type { Words } from './words.ts';

/** How much of a recording's history is shown. */
const EVENTS_SHOWN = 1000;

/** One recording with all that is known of it. */
export interface RecordingDetails {
  readonly summary: RecordingSummary;
  /** Where people find the input that it was brought from; `undefined`: it is of none, or nobody has said where. */
  readonly inputUrl: string | undefined;
  /** The way that it goes, in its order. */
  readonly steps: readonly Step[];
  /** The other recordings of the same meeting; `isBeside`: a companion of the same time, archived beside it. */
  readonly related: readonly { readonly recording: Recording; readonly isBeside: boolean }[];
  /** What each finished step has proved. */
  readonly facts: Progress['facts'];
  /** What the steps have made that make outputs, or why they have not, in the plan's order. */
  readonly outputs: readonly OutputInSight[];
  readonly times: Readonly<Record<string, StageTimes>>;
  /** Oldest first. */
  readonly attempts: readonly Attempt[];
  /** The last 1000, oldest first. */
  readonly events: readonly ToldEvent[];
  /** What the website is told of it, and how the last attempt at each went, if it is known. */
  readonly deliveries: readonly {
    readonly delivery: Delivery;
    readonly lastAttempt: DeliveryAttempt | undefined;
  }[];
}

/** @throws KnownError `NOT_FOUND` */
export async function readRecording(
  {
    ledger,
    steps,
    words,
    progress,
    inputs,
  }: {
    readonly ledger: Pick<Ledger, 'recordings' | 'deliveries' | 'overview' | 'history'>;
    readonly steps: Steps;
    readonly words: Pick<Words, 'events'>;
    readonly progress: Pick<ProgressBoard, 'of'>;
    readonly inputs: Pick<InputDesk, 'urlOf'>;
  },
  id: string,
): Promise<RecordingDetails> {
  const { recordings, deliveries, overview, history } = ledger;
  const summary = (await overview.summaries([id]))[0];
  if (summary === undefined) throw noSuchRecording(id);
  const { recording } = summary;
  const { facts } = await recordings.progress(id);
  const times = await recordings.stageTimes(id);
  const group = recording.groupKey === null ? [] : await recordings.ofGroup(recording.groupKey);
  const beside = recording.kind === 'video' ? companionsBeside(recording, group) : [];
  const { events, earlierAttempts } = await history.ofRecording(id, EVENTS_SHOWN);
  const way = await steps.of(recording);
  const attempts = attemptsOf(events, { earlierAttempts, isMoving: recording.state === 'moving' });
  const stands = await recordings.outputs(id);
  return {
    summary,
    inputUrl:
      recording.origin.kind === 'input' ? inputs.urlOf(readInput(recording.origin.address)) : undefined,
    steps: way,
    related: group
      .filter((each) => each.id !== id)
      .map((each) => ({ recording: each, isBeside: beside.some((one) => one.id === each.id) })),
    facts,
    outputs: outputsOf({ steps: way, facts, stands, attempts, progress: progress.of(id) }),
    times,
    attempts,
    events: events.map((event) => inWords(event, way, words)),
    deliveries: await Promise.all(
      (await deliveries.ofRecording(id)).map(async (delivery) => ({
        delivery,
        lastAttempt: (await deliveries.attemptsAt(delivery.id))[0],
      })),
    ),
  };
}

/** The refusal of an id that no recording has. */
export function noSuchRecording(id: string): KnownError {
  return new KnownError(`No recording has the id ${id}`, {
    code: 'NOT_FOUND',
    words: {
      title: 'No recording has this id.',
      advice:
        'Look for it: "sluice list" shows those that there are, and finds them by title, host, file name or id; so does the dashboard.',
    },
  });
}
