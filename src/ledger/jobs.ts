import type { OutputStands } from '../domain/output-stand.ts';
import type { Recording } from '../domain/recording.ts';
import type { Database } from './database.ts';
import { toStands } from './output-stands.ts';
import { toRecording } from './recording-rows.ts';
import { readCheckpoint, type StageTimes } from './recordings.ts';

/** One recording with what its steps have reached, by their ids. */
export interface Reached {
  readonly recording: Recording;
  readonly times: Readonly<Record<string, StageTimes>>;
  readonly facts: Readonly<Record<string, object | undefined>>;
  readonly checkpoints: Readonly<Record<string, object | undefined>>;
  readonly stands: OutputStands;
}

/** How far many recordings are, in one look at the ledger: for whoever asks for a hundred at a time, again and again. */
export interface Jobs {
  /** In no order; those that there are not are left out. */
  reached(ids: readonly string[]): Promise<Reached[]>;
}

/** So many are asked for at once: databases bound what a statement may name. */
const MOST_AT_ONCE = 200;

export function createJobs({ db }: { db: Database }): Jobs {
  async function read(ids: readonly string[]): Promise<Reached[]> {
    const recordings = await db.selectFrom('recordings').selectAll().where('id', 'in', ids).execute();
    const stages = await db.selectFrom('stages').selectAll().where('recording_id', 'in', ids).execute();
    const byRecording = new Map<string, typeof stages>();
    for (const row of stages) {
      const own = byRecording.get(row.recording_id);
      if (own === undefined) byRecording.set(row.recording_id, [row]);
      else own.push(row);
    }
    return recordings.map((row) => {
      const own = byRecording.get(row.id) ?? [];
      const each = <T>(read: (stage: (typeof own)[number]) => T | undefined) =>
        Object.fromEntries(
          own.flatMap((stage) => {
            const value = read(stage);
            return value === undefined ? [] : [[stage.stage, value] as const];
          }),
        );
      return {
        recording: toRecording(row),
        times: each(({ started_at_ms: started, done_at_ms: done }) => ({
          startedAtMs: started === null ? null : Number(started),
          doneAtMs: done === null ? null : Number(done),
        })),
        facts: each(({ fact }): object | undefined => (fact === null ? undefined : JSON.parse(fact))),
        checkpoints: each(({ checkpoint }) => (checkpoint === null ? undefined : readCheckpoint(checkpoint))),
        stands: toStands(own),
      };
    });
  }

  return {
    async reached(ids) {
      const found: Reached[] = [];
      for (let at = 0; at < ids.length; at += MOST_AT_ONCE) {
        found.push(...(await read(ids.slice(at, at + MOST_AT_ONCE))));
      }
      return found;
    },
  };
}
