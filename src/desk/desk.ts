import type { Logger } from 'pino';
import type { Places, TaskShapes } from '../domain/recipe.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { RecipeBook } from '../recipes/book.ts';
import type { AccessRecords } from './access-records.ts';
import { type AssetPlayers, createAssetPlayers } from './asset-players.ts';
import { type Control, createControl, type DeskLines } from './control.ts';
import { createFileIntake, type FileIntake, type FileIntakeOptions } from './files.ts';
import { createHandedDesk, type HandedDesk } from './handed-over.ts';
import type { Intake } from './intake.ts';
import { createJobDesk, type Jobs } from './jobs.ts';
import { createLibrary, type Library } from './library.ts';
import { createLive, type Live } from './live.ts';
import type { AddressedPlaces } from './output-addresses.ts';
import { createPieces, type Pieces } from './pieces.ts';
import { createPresetBook } from './presets.ts';
import { createProgressBoard, type ProgressBoard } from './progress-board.ts';
import { createQuery, type Query } from './query.ts';
import { createRemoteWorkersDesk, type RemoteWorkersDesk } from './remote-workers.ts';
import type { InputDesk } from './runs.ts';
import { createStatus, type StatusOptions } from './status.ts';
import { createSteps } from './steps.ts';
import { createWatch, type Watch, type WatchedPlaces } from './watching.ts';
import type { Words } from './words.ts';

/** All that doors know of the house: what they bring in, ask, and do. Each door translates it into what its callers speak. */
export interface Desk {
  readonly files: FileIntake;
  readonly query: Query;
  readonly control: Control;
  /** What programs ask for, and ask about, by tracking ids. */
  readonly jobs: Jobs;
  /** What lies below MEDIA_IN, and what is made of it. */
  readonly library: Library;
  /** What pages show of what lies there. */
  readonly players: AssetPlayers;
  /** What happens, as it happens. */
  readonly live: Live;
  /** Answers programs elsewhere to which steps were handed over. */
  readonly handedOver: HandedDesk;
  /** Lets workers elsewhere in that come for their work. */
  readonly remoteWorkers: RemoteWorkersDesk;
  /** What happens in one run that cuts a recording into pieces. */
  readonly pieces: Pieces;
  /** Takes what the worker tells of the recording that moves. */
  readonly progress: Pick<ProgressBoard, 'told'>;
  readonly access: AccessRecords;
  /** What viewers ask. */
  readonly watch: Watch;
}

export interface DeskOptions {
  readonly ledger: Pick<
    Ledger,
    | 'recordings'
    | 'overview'
    | 'causes'
    | 'history'
    | 'jobs'
    | 'assets'
    | 'hosts'
    | 'operator'
    | 'deliveries'
    | 'watches'
    | 'switches'
    | 'circuits'
    | 'alarms'
    | 'access'
    | 'audit'
    | 'lineAhead'
    | 'presets'
    | 'handedOver'
    | 'remoteWorkers'
    | 'sharedSessions'
  >;
  readonly intake: Intake;
  readonly recipes: {
    readonly book: Pick<RecipeBook, 'recipes' | 'defaultName' | 'has' | 'require' | 'planOf'>;
    readonly tasks: TaskShapes;
    /** What is set up, by its kind: what presets may name. */
    readonly places?: Places;
  };
  readonly lines: DeskLines;
  /** Called with a recording of which something was asked: who moves it is to hear at once, where that is possible. */
  readonly onAsked: (recordingId: string) => void;
  readonly words: Words;
  /** Says what lies at the addresses of inputs. */
  readonly inputs: InputDesk;
  readonly files: Pick<FileIntakeOptions, 'customRoots' | 'media' | 'incoming'>;
  /** What the status says of this installation. */
  readonly installation: Pick<StatusOptions, 'version' | 'dataDir' | 'diskReserveBytes' | 'serviceNames'>;
  /** Watches whether what should move does. */
  readonly vitals: StatusOptions['vitals'];
  readonly silentAfterMs: number;
  /** Where recordings are watched, with blanks for what tells which. */
  readonly watchUrl: string | undefined;
  /** Where what viewers fetch from here lies, by name. */
  readonly outputPlaces: WatchedPlaces & AddressedPlaces;
  readonly log: Logger;
}

export function createDesk(options: DeskOptions): Desk {
  const { ledger, words, installation } = options;
  const { book } = options.recipes;
  const presets = createPresetBook({ ...options.recipes, kept: ledger.presets });
  const progress = createProgressBoard();
  const steps = createSteps({
    ...options.recipes,
    recordings: ledger.recordings,
    services: words.services,
  });
  const status = createStatus({
    ...options,
    ...installation,
    services: words.services,
    steps,
    progress,
  });
  const control = createControl({ ...options, ...options.recipes, presets });
  return {
    files: createFileIntake({
      ...options,
      ...options.files,
      recordings: ledger.recordings,
      host: ledger.hosts.own,
      book,
    }),
    query: createQuery({ ...options, ...options.recipes, ...installation, presets, steps, status, progress }),
    control,
    jobs: createJobDesk({
      ...options,
      ...options.recipes,
      jobs: ledger.jobs,
      presets,
      progress,
      as: control.as,
    }),
    handedOver: createHandedDesk(ledger),
    remoteWorkers: createRemoteWorkersDesk(ledger),
    pieces: createPieces({ ...options, ...options.recipes, progress }),
    library: createLibrary({
      ...options,
      ...options.recipes,
      presets,
      progress,
      control,
      laneOf: (lane) => options.lines.lanes?.get(lane),
    }),
    players: createAssetPlayers(options),
    live: createLive({ ...options, status, steps, progress }),
    progress,
    access: { tokens: ledger.access, audit: ledger.audit, sharedSessions: ledger.sharedSessions },
    watch: createWatch({ ...options, book, progress }),
  };
}
