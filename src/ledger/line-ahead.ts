import { sql } from 'kysely';
import { wallMs } from '../lib/wall-time.ts';
import type { Database } from './database.ts';

/** Of how many that were done last the speed of the line is taken. */
const LOOKED_AT = 20;

/** What the line has before it, and how fast it has moved what is behind it. */
export interface LineAhead {
  /** The bytes of all that may move now and does not yet; `undefined` if the length of a video is not known. */
  waitingBytes(): Promise<number | undefined>;
  /** How fast the last videos came home, by the time in which any of their stages moved; `undefined`: none has. */
  bytesPerS(): Promise<number | undefined>;
}

export function createLineAhead({ db }: { db: Database }): LineAhead {
  return {
    async waitingBytes() {
      const row = await db
        .selectFrom('recordings')
        .select([
          sql<number | null>`sum(bytes)`.as('bytes'),
          // What belongs to a video is small.
          sql<number | null>`sum(case when bytes is null and kind = 'video' then 1 else 0 end)`.as('unknown'),
        ])
        .where('state', '=', sql.lit('waiting'))
        .where('not_before_ms', '<=', wallMs())
        .executeTakeFirst();
      return Number(row?.unknown ?? 0) > 0 ? undefined : Number(row?.bytes ?? 0);
    },

    async bytesPerS() {
      const done = await db
        .selectFrom('recordings')
        .select(['id', 'bytes'])
        .where('state', '=', 'done')
        .where('kind', '=', 'video')
        .where('bytes', '>', 0)
        .orderBy('ended_at_ms', 'desc')
        .limit(LOOKED_AT)
        .execute();
      const stages = await db
        .selectFrom('stages')
        .select(['recording_id', 'started_at_ms', 'done_at_ms'])
        .where(
          'recording_id',
          'in',
          done.map(({ id }) => id),
        )
        .where('moves_bytes', '=', 1)
        .where('started_at_ms', 'is not', null)
        .where('done_at_ms', 'is not', null)
        .execute();
      let bytes = 0;
      let ms = 0;
      for (const { id, bytes: length } of done) {
        const spans = stages
          .filter((stage) => stage.recording_id === id)
          .map((stage): Span => [Number(stage.started_at_ms), Number(stage.done_at_ms)]);
        const coveredMs = covered(spans);
        if (coveredMs <= 0) continue;
        bytes += Number(length);
        ms += coveredMs;
      }
      return ms === 0 ? undefined : (bytes * 1000) / ms;
    },
  };
}

type Span = readonly [fromMs: number, toMs: number];

/** The time that lies in any of these; stages run at the same time, and days may lie between two. */
function covered(spans: readonly Span[]): number {
  let ms = 0;
  let untilMs = 0;
  for (const [fromMs, toMs] of [...spans].sort(([a], [b]) => a - b)) {
    ms += Math.max(0, toMs - Math.max(fromMs, untilMs));
    untilMs = Math.max(untilMs, toMs);
  }
  return ms;
}
