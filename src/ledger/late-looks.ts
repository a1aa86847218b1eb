import type { Transaction } from 'kysely';
import { ENDED_STATES, TAKING_BACK_STATES } from '../domain/recording.ts';
import { addEvent } from './add-event.ts';
import { change } from './change.ts';
import type { Service } from './circuits.ts';
import type { Database } from './database.ts';
import type { EventType } from './events.ts';
import type { Tables } from './schema.ts';

/** Something that was asked of a service and may take effect late. */
export interface LateEffect {
  readonly recordingId: string;
  readonly service: Service;
  /** Where it would be found, in the words of whoever looks: a file name, a title. */
  readonly place: string;
}

export interface LateLook extends LateEffect {
  /** How often it was looked for since it was last expected. */
  readonly looks: number;
}

/**
 * What may still take effect with the services after it was given up, and is looked for. It is written before the
 * request that could be late, so no crash loses it.
 */
export interface LateLooks {
  /**
   * What is to be looked for now, longest due first. Never of a recording whose own attempts still look for it: one that
   * goes on without a fact, or could be tried again with what it has made.
   */
  due(nowMs: number, horizonMs: number, limit: number): Promise<LateLook[]>;
  /** Whether that still holds: what a service has of it beyond its facts is double. */
  isSettled(look: LateEffect): Promise<boolean>;
  /** Counts a look; false if another worker has just looked, or it is expected anew. */
  take(look: LateLook, notBeforeMs: number): Promise<boolean>;
  /** A look that was taken could not be made. */
  giveBack(look: LateLook): Promise<void>;
  /** It can come no more, unless it is expected anew. */
  end(look: LateLook): Promise<void>;
  /** Adds to the history of its recording; what it says already is not said again. */
  tell(recordingId: string, type: EventType, data: object): Promise<void>;
}

export function createLateLooks({ db }: { db: Database }): LateLooks {
  const settled = () =>
    db
      .selectFrom('late_looks')
      .innerJoin('recordings', 'recordings.id', 'late_looks.recording_id')
      .leftJoin('stages', (join) =>
        join
          .onRef('stages.recording_id', '=', 'late_looks.recording_id')
          // What the fact of a step names that has made something there is what stays.
          .onRef('stages.service', '=', 'late_looks.service'),
      )
      .where('recordings.state', 'not in', TAKING_BACK_STATES)
      .where((or) =>
        or.or([
          or('recordings.state', 'in', ENDED_STATES),
          or('stages.fact', 'is not', null),
          or.and([or('recordings.state', '=', 'failed'), or('stages.checkpoint', 'is', null)]),
        ]),
      );

  function rowOf({ recordingId, service, place }: LateEffect) {
    return { recording_id: recordingId, service, place };
  }

  return {
    async due(nowMs, horizonMs, limit) {
      const rows = await settled()
        .select(['late_looks.recording_id', 'late_looks.service', 'late_looks.place', 'looks'])
        .where((or) =>
          or.or([
            or('late_looks.not_before_ms', '<=', nowMs),
            // No pause is so long: the clock was put back.
            or('late_looks.not_before_ms', '>', nowMs + horizonMs),
          ]),
        )
        .orderBy('late_looks.not_before_ms')
        .limit(limit)
        .execute();
      return rows.map(({ recording_id, service, place, looks }) => ({
        recordingId: recording_id,
        service: service as Service,
        place,
        looks,
      }));
    },

    async isSettled(look) {
      const row = await settled()
        .select('late_looks.place')
        .where('late_looks.recording_id', '=', look.recordingId)
        .where('late_looks.service', '=', look.service)
        .where('late_looks.place', '=', look.place)
        .executeTakeFirst();
      return row !== undefined;
    },

    async take(look, notBeforeMs) {
      const taken = await db
        .updateTable('late_looks')
        .set({ looks: look.looks + 1, not_before_ms: notBeforeMs })
        .where((and) => and.and(rowOf(look)))
        .where('looks', '=', look.looks)
        .executeTakeFirst();
      return taken.numUpdatedRows > 0n;
    },

    async giveBack(look) {
      await db
        .updateTable('late_looks')
        .set({ looks: look.looks })
        .where((and) => and.and(rowOf(look)))
        .where('looks', '=', look.looks + 1)
        .execute();
    },

    async end(look) {
      await db
        .deleteFrom('late_looks')
        .where((and) => and.and(rowOf(look)))
        .where('looks', '=', look.looks + 1)
        .execute();
    },

    async tell(recordingId, type, data) {
      await change(db, async (trx) => {
        const said = await trx
          .selectFrom('events')
          .select('seq')
          .where('recording_id', '=', recordingId)
          .where('type', '=', type)
          .where('data', '=', JSON.stringify(data))
          .executeTakeFirst();
        if (said === undefined) addEvent(trx, recordingId, type, data);
      });
    },
  };
}

/** Notes an effect that may come late, in the transaction of whoever expects it. */
export async function expectLate(trx: Transaction<Tables>, expected: LateEffect): Promise<void> {
  const { recordingId, service, place } = expected;
  await trx
    .insertInto('late_looks')
    .values({ recording_id: recordingId, service, place, asked: 1, looks: 0, not_before_ms: 0 })
    .onConflict((conflict) =>
      conflict.columns(['recording_id', 'service', 'place']).doUpdateSet((row) => ({
        asked: row('late_looks.asked', '+', 1),
        looks: 0,
        not_before_ms: 0,
      })),
    )
    .execute();
}

/** Forgets it, if it was expected once only. */
export async function cameInTime(trx: Transaction<Tables>, expected: LateEffect): Promise<void> {
  await trx
    .deleteFrom('late_looks')
    .where('recording_id', '=', expected.recordingId)
    .where('service', '=', expected.service)
    .where('place', '=', expected.place)
    .where('asked', '=', 1)
    .execute();
}
