import type { Delivery, DeliveryAttempt } from '../domain/delivery.ts';
import { KnownError } from '../domain/errors.ts';
import type { Plan, TaskShapes } from '../domain/recipe.ts';
import type { Alarms } from '../ledger/alarms.ts';
import type { Deliveries } from '../ledger/deliveries.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Overview } from '../ledger/overview.ts';
import { type UnfinishedUpload, unfinishedUploads } from '../lib/upload-bytes.ts';
import type { RecipeBook } from '../recipes/book.ts';
import {
  type DayDone,
  type OverviewInSight,
  type OverviewQuery,
  readDays,
  readOverview,
} from './overview.ts';
import type { PresetBook } from './presets.ts';
import type { ProgressBoard } from './progress-board.ts';
import { type RecordingDetails, readRecording } from './recording-details.ts';
import type { InputDesk } from './runs.ts';
import type { Status } from './status.ts';
import type { Steps } from './steps.ts';
import { readUploadStatus, type UploadStatus } from './upload-status.ts';
import type { Words } from './words.ts';

/** An announcement with the recording that it is about, and its attempts, the last one first. */
export interface DeliveryDetails {
  readonly delivery: Delivery;
  readonly title: string;
  readonly attempts: readonly DeliveryAttempt[];
}

/** All that a door may ask. What the ledger answers by itself is asked of its own readers. */
export interface Query {
  readonly recordings: Pick<Overview, 'list' | 'nextInLine' | 'notYet' | 'runs'> & {
    /** @throws KnownError `NOT_FOUND` */
    get(id: string): Promise<RecordingDetails>;
  };
  /** What is next, what waits and for what, what has failed, what is done. */
  overview(query: OverviewQuery): Promise<OverviewInSight>;
  /** What was done on each of so many days up to this one, oldest first, by the calendar of a time zone. */
  days(count: number, zone: string): Promise<readonly DayDone[]>;
  readonly deliveries: Pick<Deliveries, 'newest' | 'givenUp'> & {
    /** @throws KnownError `NOT_FOUND` */
    get(id: string): Promise<DeliveryDetails>;
  };
  readonly alarms: Pick<Alarms, 'open'>;
  readonly status: Status;
  /** What tutors have begun to upload and is not a recording yet, the one that has had a byte last first. */
  uploads(): Promise<readonly UnfinishedUpload[]>;
  /**
   * How far the recording is that a tutor's upload has become, for whoever knows the upload's id.
   *
   * @throws KnownError `NOT_FOUND` or `UPLOAD_LEFT_OUT`
   */
  uploadStatus(upload: { readonly aceId: string; readonly uploadId: string }): Promise<UploadStatus>;
  /** The ways that recordings may go, each by its name. */
  recipes(): readonly { readonly name: string; readonly plan: Plan; readonly isDefault: boolean }[];
  /** What makes an output of a recording, by its name. */
  readonly presets: Pick<PresetBook, 'all' | 'get'>;
  /** What the steps of a recipe can be. */
  readonly tasks: TaskShapes;
  /** What people call what there is. */
  readonly words: Words;
}

export function createQuery(options: {
  readonly ledger: Pick<Ledger, 'recordings' | 'overview' | 'causes' | 'history' | 'deliveries' | 'alarms'>;
  readonly book: Pick<RecipeBook, 'recipes' | 'require' | 'defaultName' | 'planOf'>;
  readonly presets: Pick<PresetBook, 'all' | 'get'>;
  readonly tasks: TaskShapes;
  readonly steps: Steps;
  readonly status: Status;
  readonly progress: Pick<ProgressBoard, 'legsOf' | 'of'>;
  readonly words: Words;
  readonly inputs: Pick<InputDesk, 'urlOf'>;
  readonly dataDir: string;
  readonly watchUrl: string | undefined;
}): Query {
  const { ledger, book, presets, tasks, status, words, dataDir } = options;
  const { overview, deliveries } = ledger;
  return {
    recordings: {
      list: overview.list,
      nextInLine: overview.nextInLine,
      notYet: overview.notYet,
      runs: overview.runs,
      get: (id) => readRecording(options, id),
    },
    overview: (query) => readOverview(ledger, query),
    days: (count, zone) => readDays(ledger, count, zone),
    deliveries: {
      newest: deliveries.newest,
      givenUp: deliveries.givenUp,
      async get(id) {
        const delivery = await deliveries.get(id);
        if (delivery === undefined) throw noSuchDelivery(id);
        const recording = await ledger.recordings.get(delivery.recordingId);
        return { delivery, title: recording?.title ?? '', attempts: await deliveries.attemptsAt(id) };
      },
    },
    alarms: ledger.alarms,
    status,
    uploads: () => unfinishedUploads(`${dataDir}/uploads`),
    uploadStatus: (upload) => readUploadStatus(options, upload),
    recipes: () =>
      book.recipes.map(({ name }) => ({
        name,
        plan: book.require(name),
        isDefault: name === book.defaultName,
      })),
    presets,
    tasks,
    words,
  };
}

/** The refusal of an id that no announcement has. */
export function noSuchDelivery(id: string): KnownError {
  return new KnownError(`There is no delivery ${id}`, { code: 'NOT_FOUND' });
}
