import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { z } from 'zod';
import type { TaskShape } from '../../src/domain/recipe.ts';
import type { Bytes } from '../../src/engine/bytes.ts';
import type { OutputPlace } from '../../src/engine/ports/output-place.ts';
import type { Task } from '../../src/engine/task.ts';
import { createDisk } from '../../src/lib/disk.ts';
import { createFfprobe } from '../../src/lib/ffprobe.ts';
import { createFfmpeg } from '../../src/outside/ffmpeg/driver.ts';
import { createFolderOutput } from '../../src/outside/folder/output-place.ts';
import { createScratch } from '../../src/tasks/support/scratch.ts';
import { LONE_STEP } from './lone-step.ts';

const SEARCH = { searchPath: process.env['PATH'] ?? '' };

export const realFfmpeg = () =>
  createFfmpeg({
    ...SEARCH,
    command: 'ffmpeg',
    maxMemoryBytes: 2_000_000_000,
    stall: { idleS: 60, workingS: 600 },
    niceness: 0,
  });

export const realFfprobe = () => createFfprobe({ ...SEARCH, command: 'ffprobe' });

const RECORDING = { id: `rec_${'1'.repeat(24)}`, kind: 'video', title: 'Algebra' };

export type MediaBench = Awaited<ReturnType<typeof openMediaBench>>;

// biome-ignore lint/suspicious/noExplicitAny: each test brings its own task, whose types only that file has
type Made = Omit<Task<any, any, any>, keyof TaskShape>;

/** Runs one task of media by itself: real programs, a real folder of outputs or another place, and nobody beside it. */
export async function openMediaBench(place?: OutputPlace) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-media-'));
  const out = join(folder, 'out');
  await mkdir(out);
  const outputs: OutputPlace =
    place ??
    createFolderOutput('media-out', {
      path: out,
      url: 'http://media.example',
      memoryPath: join(folder, 'media-out.json'),
      reserveBytes: 0,
      idleTimeoutMs: 10_000,
    });
  const scratchPath = join(folder, 'scratch');
  const tools = {
    ffmpeg: realFfmpeg(),
    ffprobe: realFfprobe(),
    outputPlaces: new Map([['media-out', outputs]]),
    scratch: createScratch(scratchPath, { disk: createDisk(folder, 0) }),
    retry: { attempts: 2, pauseMs: 1 },
    settings: {},
  };
  /** What the ledger would keep. */
  const kept: { checkpoint: unknown } = { checkpoint: undefined };

  function contextOf(
    params: unknown,
    path: string,
    more: { fence?: number; signal?: AbortSignal; recordingId?: string } = {},
  ) {
    const { fence = 1, signal = new AbortController().signal, recordingId = RECORDING.id } = more;
    return {
      ...LONE_STEP,
      step: { ...LONE_STEP.step, id: 'package' },
      recording: { ...RECORDING, id: recordingId },
      params,
      fence,
      signal,
      checkpoint: kept.checkpoint,
      log: pino({ level: 'silent' }),
      note: async () => {},
      async saveCheckpoint(checkpoint: unknown) {
        kept.checkpoint = checkpoint;
      },
      take: async () => await bytesOf(path),
    };
  }

  async function files(under = out): Promise<string[]> {
    const entries = await readdir(under, { recursive: true, withFileTypes: true }).catch(() => []);
    return entries
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('.sluice'))
      .map((entry) => join(entry.parentPath, entry.name).slice(under.length + 1))
      .sort();
  }

  return {
    folder,
    out,
    tools,
    outputs,
    kept,
    files,
    scraps: () => files(scratchPath),
    read: (key: string) => readFile(join(out, key)),
    text: (key: string) => readFile(join(out, key), 'utf8'),

    /** Runs a step of this task on a file, as the engine would. */
    // biome-ignore lint/suspicious/noExplicitAny: facts are looked into freely in tests
    async run<F = any>(
      task: { shape: { params: z.ZodType }; makeTask: (tools: never) => Made },
      path: string,
      params: object = {},
      more: { fence?: number; signal?: AbortSignal; tools?: object; recordingId?: string } = {},
    ): Promise<F> {
      const made = task.makeTask({ ...tools, ...more.tools } as never);
      return (await made.run(contextOf(task.shape.params.parse(params), path, more) as never)) as F;
    },

    async withdraw(task: { shape: { params: z.ZodType }; makeTask: (tools: never) => Made }, fact: unknown) {
      const context = { ...contextOf(task.shape.params.parse({}), ''), fact };
      await task.makeTask(tools as never).withdraw?.(context as never);
    },

    close: () => rm(folder, { recursive: true, force: true }),
  };
}

async function bytesOf(path: string): Promise<Bytes> {
  const { size } = await stat(path);
  const unread = () => {
    throw new Error('nobody reads');
  };
  return {
    path,
    totalBytes: size,
    contentId: `${path}:${size}`,
    mediaType: 'video/mp4',
    extension: 'mp4',
    proved: async () => {},
    reaches: async () => {},
    read: unread,
  };
}
