import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { KnownError } from '../domain/errors.ts';
import { ENDED_STATES, type Recording, UNFINISHED_STATES, WAITING_STATES } from '../domain/recording.ts';
import { wallMs } from '../lib/wall-time.ts';
import { change } from './change.ts';
import { type Database, isPostgres } from './database.ts';
import { toRecording } from './recording-rows.ts';
import { placeOf } from './renewal.ts';

/** A machine with processes of Sluice, as it knows itself. */
export interface HostIdentity {
  readonly id: string;
  /** Kept beside its recordings: another machine that is called the same has another one. */
  readonly key: string;
  /** The start of the machine: a copy of its folder on another machine runs on another one. */
  readonly machine: string;
  /** Where its tus server is for the other hosts. */
  readonly address: string | null;
  readonly version: string;
}

/** What a host says of itself with each sign of life. */
export interface HostState {
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Uploads of tutors that have not arrived as a whole, and what they are to have in all. */
  readonly uploads: number;
  readonly uploadBytes: number;
}

/** As it was when it last gave a sign of life; one that never has says nothing of its disk. */
export interface Host extends Pick<HostState, 'uploads' | 'uploadBytes'> {
  readonly freeBytes: number | undefined;
  readonly totalBytes: number | undefined;
  readonly id: string;
  readonly address: string | null;
  readonly version: string;
  /** Rises with each sign of life. */
  readonly beats: number;
  readonly seenAtMs: number;
  /** Unfinished recordings whose bytes lie on its disk; and those of them that lie nowhere else. */
  readonly recordings: number;
  readonly bound: number;
}

/** The machines that keep this ledger. */
export interface Hosts {
  /** The name of the one that this process runs on; `undefined` where there can be one host alone. */
  readonly own: string | undefined;
  /** Gives a sign of life, and says of its disk what is given. */
  beat(state: HostState | undefined): Promise<void>;
  all(): Promise<Host[]>;
  /** Where the tus server of a host is; `undefined`: there is no such host, or it has told none. */
  addressOf(id: string): Promise<string | undefined>;
  /** The names of those that have given a sign of life lately, by the clock of the database. */
  alive(): Promise<string[]>;
  /** Recordings that are not over, and came as a file of which it is not known on which host it lies; oldest first. */
  unclaimed(afterSeq: number, limit: number): Promise<Recording[]>;
  /** Says that the file of one of them lies on this host. */
  claim(recordingId: string): Promise<void>;
  /** Recordings that wait, and whose bytes lie alone on a host that is not heard of. */
  waitingForHosts(limit: number): Promise<Recording[]>;
  /** Recordings that came to this host as a file, and were brought home, or were taken back, by another one: the file may go. */
  leftBehind(limit: number): Promise<Recording[]>;
  /** Nothing of it lies on this host any more. */
  cleared(recordingId: string): Promise<void>;
  /** Whether this host is the one of those that live which does what is to be done once for all of them. */
  isFirst(): Promise<boolean>;
  /**
   * Forgets one that will not come back. What lies nowhere else than on its disk waits for it all the same.
   *
   * @returns `alive`: it has given a sign of life lately, and is not forgotten
   */
  forget(id: string): Promise<'forgotten' | 'unknown' | 'alive'>;
}

/** How long it is watched whether another machine lives that is called the same, in milliseconds, and how often it is looked. */
const WATCH_MS = 8000;
const LOOK_EVERY_MS = 500;

/**
 * Writes down that this host keeps the ledger. One that another machine has been known by is taken over only where it is the same
 * one: by its key, and once nothing else gives signs of life in its name.
 *
 * @throws KnownError `HOST_TAKEN`
 */
export async function enterHost(db: Database, own: HostIdentity): Promise<void> {
  const deadlineMs = performance.now() + WATCH_MS;
  let seenBeats: number | undefined;
  for (;;) {
    const why = await change(db, async (trx) => {
      const known = await trx.selectFrom('hosts').selectAll().execute();
      const others = known.filter(({ id }) => id !== own.id);
      const same = known.find(({ id }) => id === own.id);
      // A file can have one host alone: what else was there has become this one, unless it still lives.
      const rival = same ?? (isPostgres(db) ? undefined : others[0]);
      if (same !== undefined && isPostgres(db) && same.key !== own.key) return 'called-the-same' as const;
      const isSame = rival?.key === own.key && rival.machine === own.machine;
      if (rival !== undefined && !isSame) {
        const beats = Number(rival.beats);
        if (seenBeats !== undefined && beats !== seenBeats) return 'alive' as const;
        seenBeats = beats;
        if (performance.now() < deadlineMs && isRecent(Number(rival.seen_at_ms))) return 'unsure' as const;
      }
      const { id, key, machine, address, version } = own;
      const row = { key, machine, address, version, seen_at_ms: wallMs() };
      if (!isPostgres(db)) await trx.deleteFrom('hosts').where('id', '!=', id).execute();
      await trx
        .insertInto('hosts')
        .values({ id, ...row })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute();
      return undefined;
    });
    if (why === undefined) return;
    if (why === 'called-the-same') throw calledTheSame(own.id);
    if (why === 'alive') throw isPostgres(db) ? sameFolder(own.id) : sameFile();
    await sleep(LOOK_EVERY_MS);
  }
}

/** Whether that was lately, or is yet to come by a clock that differs: then only watching tells whether it lives. */
function isRecent(seenAtMs: number): boolean {
  return wallMs() - seenAtMs < WATCH_MS;
}

/** @param silentAfterMs How long a host may give no sign of life until others may move what it has not alone. */
export function createHosts({
  db,
  own,
  silentAfterMs,
}: {
  db: Database;
  own: HostIdentity | undefined;
  silentAfterMs: number;
}): Hosts {
  /** This host as one of several. */
  const shared = isPostgres(db) ? own : undefined;

  async function alive(): Promise<string[]> {
    const rows = await db
      .selectFrom('hosts')
      .select('id')
      .where('seen_at_ms', '>', wallMs() - silentAfterMs)
      .orderBy('id')
      .execute();
    return rows.map(({ id }) => id);
  }

  return {
    own: shared?.id,

    async beat(state) {
      if (own === undefined) return;
      const seen =
        state &&
        sql`, free_bytes = ${state.freeBytes}, total_bytes = ${state.totalBytes}, uploads = ${state.uploads},
          upload_bytes = ${state.uploadBytes}`;
      // As it is: a sign of life waits for none of the changes of the ledger.
      await sql`update hosts set beats = beats + 1, seen_at_ms = ${wallMs()}${seen ?? sql``}
        where id = ${own.id} and key = ${own.key}`.execute(db);
    },

    async all() {
      const rows = await db.selectFrom('hosts').selectAll().orderBy('id').execute();
      const held = await db
        .selectFrom('recordings')
        .select((select) => [
          'host',
          select.fn.countAll<number>().as('recordings'),
          sql<number>`sum(coalesce(is_bound, 0))`.as('bound'),
        ])
        .where('host', 'is not', null)
        .where('state', 'in', UNFINISHED_STATES)
        .groupBy('host')
        .execute();
      return rows.map((row) => {
        const has = held.find(({ host }) => host === row.id);
        return {
          id: row.id,
          address: row.address,
          version: row.version,
          beats: Number(row.beats),
          seenAtMs: Number(row.seen_at_ms),
          freeBytes: row.free_bytes === null ? undefined : Number(row.free_bytes),
          totalBytes: row.total_bytes === null ? undefined : Number(row.total_bytes),
          uploads: row.uploads,
          uploadBytes: Number(row.upload_bytes),
          recordings: Number(has?.recordings ?? 0),
          bound: Number(has?.bound ?? 0),
        };
      });
    },

    async addressOf(id) {
      const row = await db.selectFrom('hosts').select('address').where('id', '=', id).executeTakeFirst();
      return row?.address ?? undefined;
    },

    alive,

    async unclaimed(afterSeq, limit) {
      if (shared === undefined) return [];
      const rows = await db
        .selectFrom('recordings')
        .selectAll()
        .where('seq', '>', afterSeq)
        .where('state', 'not in', ENDED_STATES)
        .where('origin_host', 'is', null)
        .where(sql<boolean>`json_extract(origin, '$.kind') in ('file', 'input')`)
        .orderBy('seq')
        .limit(limit)
        .execute();
      return rows.map(toRecording);
    },

    claim: (recordingId) =>
      change(db, async (trx) => {
        const row = await trx
          .selectFrom('recordings')
          .select('origin')
          .where('id', '=', recordingId)
          .where('origin_host', 'is', null)
          .executeTakeFirst();
        if (row === undefined || shared === undefined) return;
        const origin = { ...JSON.parse(row.origin), host: shared.id };
        await trx
          .updateTable('recordings')
          .set({ origin: JSON.stringify(origin), ...placeOf(origin) })
          .where('id', '=', recordingId)
          .execute();
      }),

    async waitingForHosts(limit) {
      const rows = await db
        .selectFrom('recordings')
        .selectAll()
        .where('state', 'in', WAITING_STATES)
        .where('is_bound', '=', 1)
        .where('host', 'is not', null)
        .where('host', 'not in', await alive())
        .limit(limit)
        .execute();
      return rows.map(toRecording);
    },

    async leftBehind(limit) {
      if (shared === undefined) return [];
      const rows = await db
        .selectFrom('recordings')
        .selectAll()
        .where('origin_host', '=', shared.id)
        .where(sql<boolean>`host <> origin_host`)
        .where('state', 'in', ENDED_STATES)
        .limit(limit)
        .execute();
      return rows.map(toRecording);
    },

    async cleared(recordingId) {
      await db
        .updateTable('recordings')
        .set((row) => ({ host: row.ref('origin_host') }))
        .where('id', '=', recordingId)
        .where('state', 'in', ENDED_STATES)
        .execute();
    },

    async isFirst() {
      if (shared === undefined) return true;
      const [first = shared.id] = await alive();
      return first === shared.id;
    },

    forget: (id) =>
      change(db, async (trx) => {
        const row = await trx
          .selectFrom('hosts')
          .select('seen_at_ms')
          .where('id', '=', id)
          .executeTakeFirst();
        if (row === undefined) return 'unknown';
        if (wallMs() - Number(row.seen_at_ms) < silentAfterMs) return 'alive';
        await trx.deleteFrom('hosts').where('id', '=', id).execute();
        await trx.deleteFrom('heartbeats').where('app', 'like', `%@${id}`).execute();
        // What was wrong with it is so no longer.
        await trx
          .updateTable('alarms')
          .set({ resolved_at_ms: wallMs(), resolution: 'The host was forgotten.' })
          .where('resolved_at_ms', 'is', null)
          .where((is) => is.or([is('key', '=', `host:${id}`), is('key', 'like', `%@${id}`)]))
          .execute();
        return 'forgotten';
      }),
  };
}

function calledTheSame(id: string): KnownError {
  return new KnownError(`Another machine is known in this ledger as the host "${id}"`, {
    code: 'HOST_TAKEN',
  });
}

function sameFolder(id: string): KnownError {
  return new KnownError(`The host "${id}" runs already, on another machine, with a copy of this DATA_DIR`, {
    code: 'HOST_TAKEN',
  });
}

function sameFile(): KnownError {
  return new KnownError('Another machine keeps this ledger, and a file can have one host alone', {
    code: 'HOST_TAKEN',
  });
}
