import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { STEP_ID } from '../domain/recipe.ts';
import { UNFINISHED_STATES } from '../domain/recording.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { entriesIn, removeAll, statIfThere } from '../lib/files.ts';
import { bytesAt } from '../lib/upload-bytes.ts';
import { type Broom, isWithinMemory, type Leftover } from './broom.ts';

const RECORDING_ID = /^rec_[0-9a-f]{24}$/;

/**
 * Looks for what steps have left of their work: workers that died leave it. Each attempt begins with an empty folder, so
 * only a step that is still to be done, and could be at it now, has a use for its own.
 */
export function createScratchBroom(options: {
  readonly directory: string;
  readonly ledger: Pick<Ledger, 'recordings' | 'claims'>;
}): Broom {
  const { directory, ledger } = options;
  const { recordings, claims } = ledger;

  async function inspect(recordingId: string, step: string): Promise<Leftover | undefined> {
    const path = join(directory, recordingId, step);
    const folder = await statIfThere(path);
    const reason = folder && (await whyItMayGo(recordingId, step, folder.mtimeMs));
    if (reason === undefined) return undefined;
    return {
      bytes: await bytesAt(path),
      reason,
      async remove() {
        await removeAll(path);
        // Others may be at work beside it.
        await rmdir(join(directory, recordingId)).catch(() => {});
      },
    };
  }

  /** The folder of a recording in which none of a step is left. */
  async function inspectEmpty(recordingId: string): Promise<Leftover | undefined> {
    const recording = await recordings.get(recordingId);
    if (recording === undefined || UNFINISHED_STATES.includes(recording.state)) return undefined;
    return {
      bytes: 0,
      reason: `the recording is ${recording.state}`,
      remove: () => rmdir(join(directory, recordingId)).catch(() => {}),
    };
  }

  async function whyItMayGo(id: string, step: string, writtenAtMs: number): Promise<string | undefined> {
    const recording = await recordings.get(id);
    if (recording === undefined) {
      return isWithinMemory(writtenAtMs, await claims.sinceMs()) ? 'there is no such recording' : undefined;
    }
    if (!UNFINISHED_STATES.includes(recording.state)) return `the recording is ${recording.state}`;
    const { facts } = await recordings.progress(id);
    if (facts[step] !== undefined) return 'the step is done';
    const { isOver = false } = (await recordings.outputs(id))[step] ?? {};
    return isOver ? 'the step has ended' : undefined;
  }

  return {
    kind: 'scratch',
    async suspects() {
      const owners = (await foldersIn(directory)).filter((name) => RECORDING_ID.test(name));
      const steps = await Promise.all(
        owners.map(async (id) => (await foldersIn(join(directory, id))).map((step) => ({ id, step }))),
      );
      const empty = owners.filter((_, at) => steps[at]?.length === 0);
      return [
        ...steps
          .flat()
          .filter(({ step }) => STEP_ID.test(step))
          .map(({ id, step }) => ({ name: `${id}/${step}`, inspect: () => inspect(id, step) })),
        ...empty.map((id) => ({ name: id, inspect: () => inspectEmpty(id) })),
      ];
    },
  };
}

async function foldersIn(directory: string): Promise<string[]> {
  const entries = await entriesIn(directory);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}
