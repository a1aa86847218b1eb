import { link, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Processes } from '../../test/support/processes.ts';
import { BenchFailure } from './bench.ts';
import { cpuSecondsOf } from './process-costs.ts';
import { steer } from './simulated-services.ts';
import type { Cost } from './timed-program.ts';

const POLL_MS = 50;

/** A file of this machine that has gone through a recipe. */
export interface FileRun extends Cost {
  /** How long a step took, from its start to its end. */
  stepMs(step: string): number;
  /** What a step has proved, as the API tells it. */
  fact(step: string): Readonly<Record<string, unknown>>;
}

interface Detail {
  readonly state: string;
  readonly last_error: unknown;
  readonly facts: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly stages: Readonly<Record<string, { started_at: string; done_at: string | null }>>;
}

/** Writes recipes into a file; gives back the setting that names it. */
export async function writeRecipes(folder: string, yaml: string): Promise<Readonly<Record<string, string>>> {
  const path = join(folder, 'recipes.yaml');
  await writeFile(path, yaml);
  return { RECIPES_FILE: path };
}

/** Has files of this machine go through recipes, one after another. */
export function createFileRuns(sluice: Processes, folder: string, signal: AbortSignal) {
  let count = 0;

  /** Begins a run of a file, which stays where it is. */
  async function begin(path: string, recipe: string): Promise<string> {
    signal.throwIfAborted();
    count += 1;
    // A file that has gone through before would be known.
    const own = join(folder, `run-${count}.mp4`);
    await link(path, own);
    const body = { path: own, title: `Run ${count}`, recipe, keep_file: true };
    const { id } = (await steer('POST', `${sluice.pipelineUrl}/custom-upload`, body)) as { id: string };
    return id;
  }

  const look = async (id: string) =>
    (await steer('GET', `${sluice.pipelineUrl}/api/recordings/${id}`)) as Detail;

  /** Waits until a run is done. @throws BenchFailure if it fails */
  async function untilDone(id: string): Promise<Omit<FileRun, keyof Cost>> {
    for (;;) {
      signal.throwIfAborted();
      const { state, last_error, facts, stages } = await look(id);
      if (state === 'failed' || state === 'backing-off') {
        throw new BenchFailure(`A run is ${state}: ${JSON.stringify(last_error)}`);
      }
      if (state === 'done') {
        return {
          fact: (step) => facts[step] ?? {},
          stepMs(step) {
            const { started_at, done_at } = stages[step] ?? { started_at: '', done_at: '' };
            return Date.parse(done_at ?? '') - Date.parse(started_at);
          },
        };
      }
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
  }

  return {
    begin,
    untilDone,
    look,

    /** Runs a file through a recipe: the work of the worker and of all that it starts. */
    async run(path: string, recipe: string): Promise<FileRun> {
      const pid = sluice.pid('worker');
      const [beforeS, startedMs] = [await cpuSecondsOf(pid), performance.now()];
      const done = await untilDone(await begin(path, recipe));
      const wallMs = performance.now() - startedMs;
      const cpuS = (await cpuSecondsOf(pid)) - beforeS;
      await rm(join(folder, `run-${count}.mp4`), { force: true });
      return { ...done, wallMs, cpuS };
    },
  };
}
