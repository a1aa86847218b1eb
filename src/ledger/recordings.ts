import { type Insertable, sql, type Transaction } from 'kysely';
import type { Checkpoints } from '../domain/checkpoints.ts';
import type { ErrorSummary } from '../domain/errors.ts';
import { recordingId } from '../domain/ids.ts';
import type { OutputStands } from '../domain/output-stand.ts';
import { firstLaneOf } from '../domain/recipe.ts';
import {
  type Facts,
  hostOf,
  liesOnDisk,
  MOVABLE_STATES,
  type NewRecording,
  type Origin,
  type Recording,
  type State,
  TAKING_BACK_STATES,
  UNFINISHED_STATES,
  WAITING_STATES,
  type Wanted,
} from '../domain/recording.ts';
import { wallMs } from '../lib/wall-time.ts';
import { createAcceptNew } from './accept-new.ts';
import { addEvent, eventOf } from './add-event.ts';
import { addLast, change, nextNumber, type UnnumberedEvent } from './change.ts';
import { type Database, isPostgres } from './database.ts';
import type { EventType, RecordingEvent } from './events.ts';
import type { Foreknown, LedgerExtension } from './extension.ts';
import type { GroupCommit } from './group-commit.ts';
import { toEvent } from './history.ts';
import type { Hosts } from './hosts.ts';
import { toStands } from './output-stands.ts';
import { keepPlan, planKeyOf } from './plans.ts';
import { laneColumn, toRecording } from './recording-rows.ts';
import { broughtBy, placeOf, renew } from './renewal.ts';
import type { Tables } from './schema.ts';
import { searchText } from './search-text.ts';
import { toWaitingItem, type WaitingItem } from './waiting.ts';

/** The states in which recordings are left alone, but for an output that is to end. */
const RESTING_STATES: readonly State[] = ['done', 'failed', 'set-aside'];

export interface Accepted {
  readonly id: string;
  readonly state: State;
  /** Whether the ledger had this recording before. */
  readonly isDuplicate: boolean;
}

/** How a column is asked for a value, or for none: databases use an index for either, and not for a word that means both. */
const sameAs = (value: string | null | undefined) => (value == null ? 'is' : '=');

/** Stands for a checkpoint that is no JSON: no step can go on from it, and it stays as it is. */
export const UNREADABLE: object = Object.freeze({});

/** What a recording has proved and what it can resume from. */
export interface Progress {
  readonly facts: Partial<Facts> & Readonly<Record<string, object | undefined>>;
  readonly checkpoints: Partial<Checkpoints> & Readonly<Record<string, object | undefined>>;
}

/** When a stage last began and when it was done. */
export interface StageTimes {
  readonly startedAtMs: number | null;
  readonly doneAtMs: number | null;
}

/** Recordings, their stages and their history, as all processes may read them, and as doors add to them. */
export interface Recordings {
  /**
   * Takes a recording in, or finds the one with the same natural key.
   * A failed or cancelled one is given a new beginning, one that is being cancelled once that is done; a deleted one only by
   * a person who hands it over again, not by its source's sending the event once more. A newer event
   * refreshes the address of one that is not fetched yet. What the source has said of the file since that event counts, though it
   * came first.
   */
  accept(input: NewRecording): Promise<Accepted>;
  get(id: string): Promise<Recording | undefined>;
  /** The recordings that belong together under a group's key, oldest first. */
  ofGroup(groupKey: string): Promise<Recording[]>;
  /** The further runs of a recording, oldest first. */
  runsOf(id: string): Promise<Recording[]>;
  /** Lets the companions of a group that wait for their video move at once; returns their ids. */
  wakeCompanions(groupKey: string): Promise<string[]>;
  /** Has one that waits do so until a time, and only notes when and why. */
  hold(id: string, notBeforeMs: number, why: ErrorSummary): Promise<void>;
  /** Adds to its history what has happened outside its attempts. */
  note(id: string, type: EventType, data: object): Promise<void>;
  /** The last ones accepted, newest first. */
  newest(limit: number): Promise<Recording[]>;
  /** What goes on without anyone’s help, oldest first; with a limit only so many. */
  unfinished(afterSeq?: number, limit?: number, lane?: string): Promise<WaitingItem[]>;
  /** Those of them that have come since one, oldest first: read without a look at all that wait. */
  arrivals(afterSeq: number, limit: number): Promise<WaitingItem[]>;
  /** What an operator wants of one that is moving. */
  wanted(id: string): Promise<Wanted | null>;
  /** What goes through the gate before this one: what is being cancelled or deleted, then what was moved to the front. */
  before(recording: Pick<Recording, 'place' | 'lane'>): Promise<Recording | undefined>;
  /** The next that is being cancelled or deleted. */
  takingBack(): Promise<Recording | undefined>;
  /** The host that is to move it, for its bytes lie there; `undefined`: any. */
  hostToMove(id: string): Promise<string | undefined>;
  /** Whether this host may move it: what lies on another one alone moves there, and all else too as long as that lives. */
  isOurs(recording: Pick<Recording, 'host' | 'isBound' | 'origin'>): Promise<boolean>;
  /**
   * Whether one that is before it in line, and may move now, is in the queue of another host that lives; or, of one that is in
   * the queue of this host, in that of all of them.
   */
  isAnothersTurn(recording: Pick<Recording, 'place' | 'seq' | 'host'>): Promise<boolean>;
  progress(id: string): Promise<Progress>;
  /** How the steps stand that have begun, or ended, of those that end by themselves. */
  outputs(id: string): Promise<OutputStands>;
  stageTimes(id: string): Promise<Readonly<Record<string, StageTimes>>>;
  /** A recording's history, oldest first; with no id that of all recordings. */
  events(id?: string): Promise<RecordingEvent[]>;
}

export function createRecordings({
  db,
  groupCommit,
  extensions,
  hosts,
}: {
  db: Database;
  groupCommit: GroupCommit;
  extensions: readonly LedgerExtension[];
  hosts: Hosts;
}): Recordings {
  const own = hosts.own;
  const acceptNew = createAcceptNew({ db, extensions });

  /** The hosts that live; none where there is one host alone. */
  const alive = async () => (own === undefined ? [] : await hosts.alive());

  const others = async () => (await alive()).filter((id) => id !== own);

  /** What comes from the disk of this host says so. */
  function asOfHere(recording: NewRecording): NewRecording {
    const { origin } = recording;
    if (own === undefined || !liesOnDisk(origin) || !('path' in origin || 'address' in origin))
      return recording;
    return { ...recording, origin: { ...origin, host: own } };
  }

  /** The recording as it would be, had all that is known of it come after it. */
  async function foreknown(trx: Transaction<Tables>, recording: NewRecording): Promise<Foreknown> {
    for (const { beforeAccepting } of extensions) {
      const known = await beforeAccepting?.(trx, recording);
      if (known !== undefined && known.recording !== recording) return known;
    }
    return { recording };
  }

  /** The first in line that may move now, of those in these states, and before this place. */
  async function first(
    states: readonly State[],
    { beforePlace, lane = null }: { beforePlace?: number; lane?: string | null } = {},
  ): Promise<Recording | undefined> {
    let inLine = db
      .selectFrom('recordings')
      .selectAll()
      .where('state', 'in', states)
      .where('not_before_ms', '<=', wallMs())
      .where('lane', sameAs(lane), lane)
      .orderBy('place')
      .orderBy('seq')
      .limit(1);
    if (beforePlace !== undefined) inLine = inLine.where('place', '<', beforePlace);
    if (own !== undefined) {
      const theirs = await others();
      inLine = inLine.where((is) =>
        is.or([
          is('host', 'is', null),
          is('host', '=', own),
          is.and([is('is_bound', '=', 0), is('host', 'not in', theirs)]),
        ]),
      );
    }
    const row = await inLine.executeTakeFirst();
    return row && toRecording(row);
  }

  return {
    async accept(given) {
      const id = recordingId(given.naturalKey);
      const here = asOfHere(given);
      const isTaken = await acceptNew?.({
        recording: here,
        row: newRow(id, here),
        event: firstEvent(id, here),
      });
      if (isTaken === true) return { id, state: 'waiting', isDuplicate: false };
      return await groupCommit(async (trx) => {
        const { recording: input, event } = await foreknown(trx, here);
        if (input.plan !== undefined) await keepPlan(trx, input.plan);
        const inserted = await trx
          .insertInto('recordings')
          .values({ seq: await nextNumber(trx, 'recordings'), ...newRow(id, input) })
          .onConflict((conflict) => conflict.column(isPostgres(db) ? 'id' : 'natural_key').doNothing())
          .executeTakeFirst();
        if ((inserted.numInsertedOrUpdatedRows ?? 0n) > 0n) {
          addLast(trx, firstEvent(id, input));
          if (event !== undefined) addEvent(trx, id, event.type, { by: event.by });
          return { id, state: 'waiting' as const, isDuplicate: false };
        }

        const known = await trx
          .selectFrom('recordings')
          .selectAll()
          .where('id', '=', id)
          .executeTakeFirstOrThrow();
        return await acceptAgain(trx, toRecording(known), input);
      });
    },

    async get(id) {
      const row = await db.selectFrom('recordings').selectAll().where('id', '=', id).executeTakeFirst();
      return row && toRecording(row);
    },

    async ofGroup(groupKey) {
      const rows = await db
        .selectFrom('recordings')
        .selectAll()
        .where('group_key', '=', groupKey)
        .orderBy('seq')
        .execute();
      return rows.map(toRecording);
    },

    async runsOf(id) {
      const rows = await db
        .selectFrom('recordings')
        .selectAll()
        .where('run_of', '=', id)
        .orderBy('seq')
        .execute();
      return rows.map(toRecording);
    },

    async wakeCompanions(groupKey) {
      // By the group alone, of which there are few: asked for their state as well, the database would rather go through
      // all that wait. Most groups have none, and then nothing is written.
      const group = await db
        .selectFrom('recordings')
        .select(['id', 'kind', 'state', 'last_error'])
        .where('group_key', '=', groupKey)
        .execute();
      const waiting = group.filter(
        ({ kind, state, last_error: error }) =>
          kind === 'companion' && state === 'waiting' && error?.includes('"WAITING_FOR_VIDEO"'),
      );
      if (waiting.length === 0) return [];
      const ids = waiting.map(({ id }) => id);
      await groupCommit((trx) =>
        trx
          .updateTable('recordings')
          .set({ not_before_ms: 0 })
          .where('id', 'in', ids)
          .where('state', '=', 'waiting')
          .execute(),
      );
      return ids;
    },

    async hold(id, notBeforeMs, why) {
      await db
        .updateTable('recordings')
        .set({ not_before_ms: notBeforeMs, last_error: JSON.stringify(why) })
        .where('id', '=', id)
        .where('state', 'in', WAITING_STATES)
        .execute();
    },

    note: (id, type, data) => change(db, async (trx) => addEvent(trx, id, type, data)),

    async newest(limit) {
      const rows = await db
        .selectFrom('recordings')
        .selectAll()
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute();
      return rows.map(toRecording);
    },

    async unfinished(afterSeq = 0, limit, lane) {
      const living = await alive();
      const inState = (state: State) =>
        db
          .selectFrom('recordings')
          .select(['id', 'seq', 'not_before_ms', 'host', 'is_bound'])
          .where('state', '=', state)
          .where('lane', sameAs(lane), lane ?? null)
          .where('seq', '>', afterSeq);
      // One that does not move may still have an output to take back.
      const toSettle = db
        .selectFrom('stages')
        .innerJoin('recordings', 'recordings.id', 'stages.recording_id')
        .select(['id', 'seq', sql<number>`0`.as('not_before_ms'), 'host', 'is_bound'])
        .where('ending', 'is not', null)
        .where('stages.ended_at_ms', 'is', null)
        .where('state', 'in', RESTING_STATES)
        .where('lane', sameAs(lane), lane ?? null)
        .where('seq', '>', afterSeq)
        .distinct();
      const [first, ...others] = UNFINISHED_STATES;
      // A query per state, merged by the database: of one over all states it would sort every row to find the first.
      const all = others
        .reduce((found, state) => found.unionAll(inState(state)), inState(first))
        .unionAll(toSettle)
        .orderBy('seq');
      const rows = await (limit === undefined ? all : all.limit(limit)).execute();
      return rows.map((row) => ({ ...toWaitingItem(row), host: waitsFor(row, living) }));
    },

    async arrivals(afterSeq, limit) {
      const living = await alive();
      const rows = await db
        .selectFrom('recordings')
        .select(['id', 'seq', 'not_before_ms', 'host', 'is_bound'])
        .where('seq', '>', afterSeq)
        .where('state', 'in', UNFINISHED_STATES)
        .where('lane', 'is', null)
        .orderBy('seq')
        .limit(limit)
        .execute();
      return rows.map((row) => ({ ...toWaitingItem(row), host: waitsFor(row, living) }));
    },

    async wanted(id) {
      const row = await db.selectFrom('recordings').select('wanted').where('id', '=', id).executeTakeFirst();
      return (row?.wanted ?? null) as Wanted | null;
    },

    takingBack: () => first(TAKING_BACK_STATES),

    async hostToMove(id) {
      if (own === undefined) return undefined;
      const row = await db
        .selectFrom('recordings')
        .select(['host', 'is_bound'])
        .where('id', '=', id)
        .executeTakeFirst();
      return row && waitsFor(row, await alive());
    },

    async isOurs({ host, isBound = false, origin }) {
      if (own === undefined || host === own) return true;
      // A file of which nobody knows where it lies is claimed first.
      if (liesOnDisk(origin) && hostOf(origin) === undefined) return false;
      if (host === undefined) return true;
      return !isBound && !(await alive()).includes(host);
    },

    async isAnothersTurn({ place, seq, host }) {
      if (own === undefined) return false;
      const theirs = await others();
      const isOfHere = host === own;
      if (theirs.length === 0 && !isOfHere) return false;
      const row = await db
        .selectFrom('recordings')
        .select('id')
        .where('state', 'in', MOVABLE_STATES)
        .where('not_before_ms', '<=', wallMs())
        .where('lane', 'is', null)
        .where((is) => is.or([is('host', 'in', theirs), ...(isOfHere ? [is('host', 'is', null)] : [])]))
        .where(sql<boolean>`(place, seq) < (${place}, ${seq})`)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },

    async before({ place, lane }) {
      const takenBack = lane === undefined ? await first(TAKING_BACK_STATES) : undefined;
      // Where several move at once, what is moving does so in another slot; left by a worker that died, it has a turn of its own.
      const states = lane === undefined ? MOVABLE_STATES : WAITING_STATES;
      return takenBack ?? (await first(states, { beforePlace: place, lane: lane ?? null }));
    },

    async progress(id) {
      const rows = await db.selectFrom('stages').selectAll().where('recording_id', '=', id).execute();
      return {
        facts: Object.fromEntries(
          rows.flatMap(({ stage, fact }) => (fact === null ? [] : [[stage, JSON.parse(fact)]])),
        ),
        checkpoints: Object.fromEntries(
          rows.flatMap(({ stage, checkpoint }) =>
            checkpoint === null ? [] : [[stage, readCheckpoint(checkpoint)]],
          ),
        ),
      };
    },

    async outputs(id) {
      const rows = await db
        .selectFrom('stages')
        .select(['stage', 'is_output', 'ending', 'ended_at_ms', 'error', 'failed_attempts'])
        .where('recording_id', '=', id)
        .execute();
      return toStands(rows);
    },

    async stageTimes(id) {
      const rows = await db
        .selectFrom('stages')
        .select(['stage', 'started_at_ms', 'done_at_ms'])
        .where('recording_id', '=', id)
        .execute();
      return Object.fromEntries(
        rows.map((row) => [
          row.stage,
          {
            startedAtMs: row.started_at_ms === null ? null : Number(row.started_at_ms),
            doneAtMs: row.done_at_ms === null ? null : Number(row.done_at_ms),
          },
        ]),
      );
    },

    async events(id) {
      const all = db.selectFrom('events').selectAll().orderBy('seq');
      const rows = await (id === undefined ? all : all.where('recording_id', '=', id)).execute();
      return rows.map(toEvent);
    },
  };
}

/** A recording as it begins. */
export function newRow(id: string, input: NewRecording): Omit<Insertable<Tables['recordings']>, 'seq'> {
  return {
    id,
    source: input.source,
    kind: input.kind ?? 'video',
    natural_key: input.naturalKey,
    group_key: input.groupKey ?? null,
    ace_id: input.aceId,
    title: input.title,
    state: 'waiting',
    origin: JSON.stringify(input.origin),
    placement: input.placement === undefined ? null : JSON.stringify(input.placement),
    details: JSON.stringify(input.details),
    metadata: input.metadata === undefined ? null : JSON.stringify(input.metadata),
    failed_attempts: 0,
    open_starts: 0,
    not_before_ms: input.notBeforeMs ?? 0,
    accepted_at_ms: wallMs(),
    place: input.place ?? 0,
    bytes: input.origin.bytes,
    ...placeOf(input.origin),
    search: searchText({ id, ...input }),
    plan_key: input.plan === undefined ? null : planKeyOf(input.plan),
    lane: input.plan === undefined ? null : laneColumn(firstLaneOf(input.plan)),
    run_of: input.runOf ?? null,
    reference: input.reference ?? null,
    webhook_url: input.webhookUrl ?? null,
  };
}

/** What its history begins with. */
export function firstEvent(id: string, input: NewRecording): UnnumberedEvent {
  return eventOf(id, 'recording.accepted', broughtBy(input));
}

/** The host that has to move it: the one that it lies on alone, and any that it lies on as long as that lives. */
function waitsFor(
  { host, is_bound: isBound }: Pick<Tables['recordings'], 'host' | 'is_bound'>,
  alive: readonly string[],
): string | undefined {
  return host !== null && (isBound === 1 || alive.includes(host)) ? host : undefined;
}

/** `UNREADABLE` if it is no JSON. */
export function readCheckpoint(text: string): object {
  try {
    return JSON.parse(text);
  } catch {
    return UNREADABLE;
  }
}

/** What happens to a recording that a door brings once more. */
async function acceptAgain(
  trx: Transaction<Tables>,
  known: Recording,
  input: NewRecording,
): Promise<Accepted> {
  const { id, state, wanted } = known;
  const isNewer =
    !('eventAtMs' in input.origin) ||
    !('eventAtMs' in known.origin) ||
    input.origin.eventAtMs > known.origin.eventAtMs;

  const isAgain = state === 'deleted' ? isByPerson(input) && !isSameUpload(known, input) : true;
  if (isNewer && isAgain && ['failed', 'cancelled', 'deleted'].includes(state)) {
    await renew(trx, id, input);
    return { id, state: 'waiting', isDuplicate: true };
  }

  const repeated = { id, state, isDuplicate: true };
  addEvent(trx, id, 'recording.repeated', broughtBy(input));
  if (TAKING_BACK_STATES.includes(state) || wanted === 'cancelled') {
    if (!isNewer || isSameUpload(known, input)) return repeated;
    if (state === 'deleting' && !isByPerson(input)) return repeated;
    const renewal = JSON.stringify(input);
    await trx.updateTable('recordings').set({ renewal }).where('id', '=', id).execute();
  } else if (isNewer && 'eventAtMs' in known.origin && state !== 'done' && state !== 'deleted') {
    // The address of what waits may be refreshed by its source; a file that was promised stays the one that was promised. So does
    // the name that it has in the archive, or will have there.
    const { archiveDay } = known.origin;
    const origin = JSON.stringify({ ...input.origin, archiveDay });
    await trx.updateTable('recordings').set({ origin }).where('id', '=', id).execute();
  }
  return repeated;
}

/** Whether somebody has handed it over, and not an event of its source, or a search there that goes by itself. */
function isByPerson({ origin, foundBy }: NewRecording): boolean {
  return !('eventAtMs' in origin) || foundBy === 'ingest';
}

/** The file of a finished upload goes with the recording: told of it once more, there is nothing to begin anew with. */
function isSameUpload(known: Recording, input: NewRecording): boolean {
  return input.source === 'manual' && isSameFile(known.origin, input.origin);
}

function isSameFile(a: Origin, b: Origin): boolean {
  return a.kind === 'file' && b.kind === 'file' && a.path === b.path && hostOf(a) === hostOf(b);
}
