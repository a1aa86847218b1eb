import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import type { Recording } from '../domain/recording.ts';
import type { Bytes } from '../engine/bytes.ts';
import type { OutputPlace } from '../engine/ports/output-place.ts';
import type { TaskContext } from '../engine/task.ts';
import { createDisk } from '../lib/disk.ts';
import { createScratch } from '../tasks/support/scratch.ts';
import type { Tools } from '../tasks/support/tools.ts';
import type { createJobFiles } from './job-files.ts';

export interface HouseOptions {
  /** Empty, and gone afterwards. */
  readonly folder: string;
  readonly files: Pick<ReturnType<typeof createJobFiles>, 'writeOutput'>;
  /** Of all jobs of this process: one encodes at a time, and the others wait for their turn. */
  readonly programs: Pick<Tools, 'ffmpeg' | 'ffprobe'>;
}

interface Input {
  readonly path: string;
  readonly totalBytes: number;
  /** Without the dot. */
  readonly extension: string;
}

/** What a task finds around it where there is neither a ledger nor a line: one input, and one place for what it makes. */
export function createHouse({ folder, files, programs }: HouseOptions) {
  const place = createPlace(files);
  const scratch = createScratch(folder, { disk: createDisk(folder, 0) });

  /** Of all that the house hands to tasks, what those need that make something of a file. */
  const given: Pick<Tools, 'ffmpeg' | 'ffprobe' | 'outputPlaces' | 'retry' | 'scratch' | 'settings'> = {
    ...programs,
    outputPlaces: { get: () => place },
    // The files try again by themselves.
    retry: { attempts: 1, pauseMs: 0 },
    scratch,
    settings: NO_SETTINGS,
  };

  function contextOf(
    job: { readonly id: string; readonly task: string },
    at: { readonly input: Input; readonly params: unknown } & Pick<TaskContext, 'encodes' | 'signal' | 'log'>,
  ): TaskContext {
    const { input, params, ...rest } = at;
    return {
      ...NOBODY_ELSE,
      ...rest,
      recording: recordingOf(job.id, input),
      step: {
        id: job.task,
        task: job.task,
        lane: 'media',
        params,
        takes: [],
        after: [],
        isFinal: false,
      },
      params,
      take: async () => bytesOf(input),
    };
  }

  return { place, contextOf, tools: given as Tools };
}

/** Writes outputs where the job wants them. It can do nothing else, and nothing else is asked of it by one attempt. */
function createPlace({ writeOutput }: HouseOptions['files']): OutputPlace {
  const never = async (): Promise<never> => {
    throw new Error('nobody asks that of a job');
  };
  return {
    name: 'job',
    service: 'job',
    label: 'Sluice',
    place: 'the outputs of the job',
    probe: never,
    require: never,
    put: async ({ key, path, signal, onSent }) => ({
      bytes: await writeOutput(basename(key), path, signal, (sentBytes) => onSent?.(sentBytes)),
    }),
    abandon: async () => {},
    look: never,
    open: never,
    async *list() {},
    remove: async () => {},
    address: () => undefined,
  };
}

/** There is one attempt, nobody who could take over, and nothing that lasts. */
const NOBODY_ELSE = {
  fence: 1,
  checkpoint: undefined,
  proved: () => [],
  saveCheckpoint: async () => {},
  checkLease: async () => {},
  expectLate: async () => {},
  cameInTime: async () => {},
  note: async () => {},
  progress: () => {},
  make: () => {},
} as const satisfies Partial<TaskContext>;

const NO_SETTINGS: Tools['settings'] = {
  fetch: { patienceMs: 0, backoff: { minMs: 0, maxMs: 0 } },
  archive: { parallelParts: 1 },
  publish: {
    cdnHost: undefined,
    patchBytes: 1,
    goneAfterMs: 0,
    firstLookMs: 0,
    watchPageOf: () => undefined,
  },
  captions: { language: 'en' },
  marksDir: undefined,
  ladderMostPx: 2160,
};

function recordingOf(jobId: string, { path, totalBytes: bytes }: Input): Recording {
  return {
    id: `rec_${jobId.replaceAll(/[^0-9a-z]/g, '')}`,
    seq: 1,
    source: 'custom',
    kind: 'video',
    naturalKey: `job:${jobId}`,
    groupKey: null,
    aceId: null,
    title: jobId,
    state: 'moving',
    wanted: null,
    place: 0,
    origin: { kind: 'file', path, bytes, modifiedAtMs: 0, keep: true },
    placement: null,
    details: {},
    bytes,
    failedAttempts: 0,
    openStarts: 1,
    lastError: null,
    notBeforeMs: 0,
    acceptedAtMs: 0,
    startedAtMs: null,
    endedAtMs: null,
  };
}

function bytesOf({ path, totalBytes, extension }: Input): Bytes {
  return {
    path,
    totalBytes,
    extension,
    contentId: 'job',
    mediaType: 'application/octet-stream',
    reaches: async () => {},
    proved: async () => {},
    read: async function* () {
      yield* createReadStream(path);
    },
  };
}
