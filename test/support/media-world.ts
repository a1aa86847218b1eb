import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { type MediaFile, PROBE_ENTRIES, readMediaFile } from '../../src/domain/media/media-file.ts';
import type { OutputsFact } from '../../src/domain/media/output.ts';
import type { Recording } from '../../src/domain/recording.ts';
import type { AnyTask, TaskContext } from '../../src/engine/task.ts';
import { createDisk } from '../../src/lib/disk.ts';
import { createFfprobe } from '../../src/lib/ffprobe.ts';
import { createFfmpeg } from '../../src/outside/ffmpeg/driver.ts';
import { openOutputPlaces } from '../../src/outside/output-places.ts';
import { loadTasks } from '../../src/tasks/support/files.ts';
import { createScratch } from '../../src/tasks/support/scratch.ts';
import type { Tools } from '../../src/tasks/support/tools.ts';
import { LONE_STEP } from './lone-step.ts';

const RECORDING = { id: 'rec_1' } as Recording;

export type MediaWorld = Awaited<ReturnType<typeof openMediaWorld>>;

/** How one attempt of a step ended, and what it told meanwhile. */
interface Attempt {
  readonly fact: OutputsFact & Readonly<Record<string, unknown>>;
  readonly notes: readonly { readonly type: string; readonly data: unknown }[];
  readonly checkpoint: unknown;
}

/** A folder of outputs, the programs of this machine, and small files that they make: for steps that are run by themselves. */
export async function openMediaWorld(settings: Partial<Tools['settings']> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-media-'));
  const [sources, out, scratchFolder] = ['sources', 'out', 'scratch'].map((name) => join(folder, name));
  if (sources === undefined || out === undefined || scratchFolder === undefined)
    throw new Error('no folders');
  await Promise.all([mkdir(sources), mkdir(out)]);
  const program = (command: string) => ({ command, searchPath: process.env['PATH'] ?? '' });
  const ffprobe = createFfprobe(program('ffprobe'));
  const place = {
    kind: 'folder' as const,
    path: out,
    url: 'https://media.example',
    memoryPath: join(folder, 'media-out.json'),
    reserveBytes: 0,
  };
  const tools = {
    ffprobe,
    ffmpeg: createFfmpeg({
      ...program('ffmpeg'),
      maxMemoryBytes: 1_000_000_000,
      stall: { idleS: 60, workingS: 600 },
      niceness: 0,
    }),
    outputPlaces: openOutputPlaces({ mediaOut: place }, { idleTimeoutMs: 5000 }),
    scratch: createScratch(scratchFolder, { disk: createDisk(folder, 0) }),
    retry: { attempts: 2, pauseMs: 1 },
    settings,
  };
  const files = await loadTasks();

  const world = {
    tools,
    sources,

    /** Makes a file by ffmpeg, once. */
    async make(name: string, ...args: string[]): Promise<string> {
      const path = join(sources, name);
      if (!(await readdir(sources)).includes(name)) {
        await promisify(execFile)('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args, path]);
      }
      return path;
    },

    async write(name: string, bytes: string | Buffer): Promise<string> {
      const path = join(sources, name);
      await writeFile(path, bytes);
      return path;
    },

    /** Has a step make one attempt at a file. */
    async run(
      name: string,
      path: string,
      params: object = {},
      more: Partial<TaskContext> = {},
      otherTools: object = {},
    ): Promise<Attempt> {
      const file = files.get(name);
      if (file === undefined) throw new Error(`there is no task ${name}`);
      const task: AnyTask = {
        ...file.makeTask({ ...tools, ...otherTools } as never as Tools),
        ...file.shape,
      };
      const notes: { type: string; data: unknown }[] = [];
      const { size } = await stat(path);
      let checkpoint: unknown;
      const fact = await task.run({
        ...LONE_STEP,
        recording: RECORDING,
        step: { ...LONE_STEP.step, id: 'step', task: name },
        params: file.shape.params?.parse(params),
        checkpoint: undefined,
        async saveCheckpoint(said: unknown) {
          checkpoint = said;
        },
        async note(type: string, data: object) {
          notes.push({ type, data });
        },
        signal: new AbortController().signal,
        log: pino({ level: 'silent' }),
        take: async () =>
          ({ path, totalBytes: size, contentId: `${path}:${size}`, proved: async () => {} }) as never,
        make: () => {},
        ...more,
      } as TaskContext);
      return { fact, notes, checkpoint };
    },

    /** Takes back what a step has made. */
    async withdraw(name: string, more: object = {}, otherTools: object = {}): Promise<void> {
      const made = files.get(name)?.makeTask({ ...tools, ...otherTools } as never as Tools) as
        | Pick<AnyTask, 'withdraw'>
        | undefined;
      await made?.withdraw?.({
        ...LONE_STEP,
        recording: RECORDING,
        step: { ...LONE_STEP.step, id: 'step', task: name },
        params: { to: 'media-out' },
        checkpoint: undefined,
        fact: undefined,
        note: async () => {},
        signal: new AbortController().signal,
        log: pino({ level: 'silent' }),
        ...more,
      });
    },

    /** The keys in the place of outputs. */
    async keys(): Promise<string[]> {
      return (await filesBelow(out)).filter((key) => !key.startsWith('.sluice/'));
    },

    at: (key: string) => join(out, key),

    text: (key: string) => readFile(join(out, key), 'utf8'),

    /** What is in an output, by its key. */
    look: (key: string): Promise<MediaFile> => lookAt(join(out, key)),

    scratch: () => filesBelow(scratchFolder),

    /** Empties the place of outputs. */
    async empty(): Promise<void> {
      await rm(join(out, 'runs'), { recursive: true, force: true });
    },

    copy: (from: string, name: string) => copyFile(from, join(sources, name)).then(() => join(sources, name)),

    close: () => rm(folder, { recursive: true, force: true }),
  };
  return world;
}

async function filesBelow(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

async function lookAt(path: string): Promise<MediaFile> {
  const args = ['-v', 'error', '-of', 'json', '-show_entries', PROBE_ENTRIES, path];
  const { stdout } = await promisify(execFile)('ffprobe', args);
  const file = readMediaFile(stdout);
  if (file === undefined) throw new Error(`nobody can read ${path}`);
  return file;
}

/** A film in which everything moves, with a keyframe every two seconds. */
export function film(size: string, seconds: number, more: readonly string[] = []): string[] {
  return ['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=25:d=${seconds}`, ...more, ...H264];
}

export const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '50'];

export const TONE = (seconds: number) => ['-f', 'lavfi', '-i', `sine=f=440:r=48000:d=${seconds}`];

/** Whether an MP4 says what is in it before it comes. */
export async function moovIsFirst(path: string): Promise<boolean> {
  const bytes = await readFile(path);
  const [moov, media] = ['moov', 'mdat'].map((name) => bytes.indexOf(name));
  return moov !== undefined && media !== undefined && moov > 0 && moov < media;
}

interface Colour {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
}

/** The mean colour of one picture of a file, each part 0 to 255. */
export async function colourAt(path: string, atS = 0, filters = ''): Promise<Colour> {
  const scaled = `${filters}scale=1:1:flags=area`;
  const args = ['-v', 'error', '-ss', String(atS), '-i', path, '-frames:v', '1', '-vf', scaled];
  const { stdout } = await promisify(execFile)(
    'ffmpeg',
    [...args, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
    {
      encoding: 'buffer',
    },
  );
  const [red = 0, green = 0, blue = 0] = stdout;
  return { red, green, blue };
}

/** What colour a part of a picture has, by its name. */
export async function tileAt(
  path: string,
  { x, y, w, h }: { readonly x: number; readonly y: number; readonly w: number; readonly h: number },
): Promise<Colour & { readonly name: string }> {
  const colour = await colourAt(path, 0, `crop=${w}:${h}:${x}:${y},`);
  const strong = (['red', 'green', 'blue'] as const).filter((part) => colour[part] > 128);
  const name = strong.length === 3 ? 'white' : (strong[0] ?? 'black');
  return { ...colour, name };
}
