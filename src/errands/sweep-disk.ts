import { join } from 'node:path';
import { ENDED_STATES } from '../domain/recording.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { entriesIn, lengthOf, removeAll, statIfThere } from '../lib/files.ts';
import { bytesAt } from '../lib/upload-bytes.ts';
import { type Broom, isLive, isOld, isWithinMemory, type Leftover, type SweepTerms } from './broom.ts';

const RECORDING_ID = /^rec_[0-9a-f]{24}$/;
const FINISHED_UPLOAD = /^([0-9a-f]{32}(?:-[a-z0-9-]+)?)\.upload$/;

/** Where finished uploads lie, and the notes about those that the pipeline has not accepted yet. */
export interface IncomingPaths {
  readonly incoming: string;
  finished(uploadId: string): string;
  note(uploadId: string): string;
}

/** Looks for the folders of downloads whose recording is over or unknown. */
export function createSpoolBroom(options: {
  readonly directory: string;
  readonly ledger: Pick<Ledger, 'recordings' | 'claims'>;
  readonly terms: SweepTerms;
}): Broom {
  const { directory, terms } = options;
  const { recordings, claims } = options.ledger;

  async function inspect(id: string): Promise<Leftover | undefined> {
    const path = join(directory, id);
    const folder = await statIfThere(path);
    const recording = await recordings.get(id);
    if (folder === undefined || (recording !== undefined && isLive(recording, terms))) return undefined;
    if (recording === undefined && !isWithinMemory(folder.mtimeMs, await claims.sinceMs())) return undefined;
    return {
      bytes: await bytesAt(path),
      reason: recording === undefined ? 'there is no such recording' : `the recording is ${recording.state}`,
      remove: () => removeAll(path),
    };
  }

  return {
    kind: 'spool',
    async suspects() {
      const entries = await entriesIn(directory);
      return entries
        .filter((entry) => entry.isDirectory() && RECORDING_ID.test(entry.name))
        .map(({ name }) => ({ name, inspect: () => inspect(name) }));
    },
  };
}

/**
 * Looks for finished uploads that no recording will fetch any more. One that the pipeline still has to hear of has a
 * note; one that has changed since its recording took it, or that was to be kept, is somebody else's business.
 */
export function createUploadBroom(options: {
  readonly paths: IncomingPaths;
  readonly ledger: Pick<Ledger, 'claims'>;
  readonly terms: SweepTerms;
}): Broom {
  const { paths, terms } = options;
  const { claims } = options.ledger;

  async function inspect(name: string, uploadId: string): Promise<Leftover | undefined> {
    const path = paths.finished(uploadId);
    const file = await statIfThere(path);
    if (file === undefined) return undefined;
    const { size, mtimeMs } = file;
    // The note before the ledger: the note goes once the ledger has the recording.
    if (!isOld(mtimeMs, terms) || (await lengthOf(paths.note(uploadId))) !== undefined) return undefined;

    const owners = await claims.ofFile(name);
    const isUnknown = owners.length === 0;
    if (isUnknown && !isWithinMemory(mtimeMs, await claims.sinceMs())) return undefined;
    const mayGo = owners.every((owner) => {
      const { origin } = owner;
      const isUnchanged =
        origin.kind === 'file' && origin.bytes === size && origin.modifiedAtMs === Math.trunc(mtimeMs);
      // Of a recording that failed this may be the only copy there is; of one that has ended on another host it is left here.
      return isUnchanged && !origin.keep && ENDED_STATES.includes(owner.state);
    });
    if (!mayGo) return undefined;
    return {
      bytes: size,
      reason: isUnknown
        ? 'no recording came from it'
        : `its recording is ${owners.map((owner) => owner.state).join(', ')}`,
      remove: () => removeAll(path),
    };
  }

  return {
    kind: 'upload',
    async suspects() {
      const entries = await entriesIn(paths.incoming);
      return entries.flatMap((entry) => {
        const [name, uploadId] = FINISHED_UPLOAD.exec(entry.name) ?? [];
        if (name === undefined || uploadId === undefined || !entry.isFile()) return [];
        return [{ name, inspect: () => inspect(name, uploadId) }];
      });
    },
  };
}
