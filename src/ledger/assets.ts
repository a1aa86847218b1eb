import {
  type ExpressionBuilder,
  type Selectable,
  type SelectQueryBuilder,
  sql,
  type Transaction,
} from 'kysely';
import {
  ASSET_STATUSES,
  type AssetStatus,
  isWrittenAnew,
  type JobStatus,
  STATES_OF_ASSETS,
} from '../domain/asset.ts';
import type { MadeOfAsset } from '../domain/asset-player.ts';
import { recordingId } from '../domain/ids.ts';
import { firstLaneOf } from '../domain/recipe.ts';
import { GONE_STATES, type NewRecording, type State, UNFINISHED_STATES } from '../domain/recording.ts';
import { sha256 } from '../lib/digest.ts';
import { addLast, change, nextNumber } from './change.ts';
import type { Database } from './database.ts';
import type { Hosts } from './hosts.ts';
import { keepPlan } from './plans.ts';
import { laneColumn } from './recording-rows.ts';
import { firstEvent, newRow } from './recordings.ts';
import { placeOf, renew } from './renewal.ts';
import type { Tables } from './schema.ts';
import { searchPieces } from './search-text.ts';

/** A file as a scan has found it, and the recording that it becomes. */
export interface FoundAsset {
  readonly recording: NewRecording;
  readonly bytes: number;
  readonly mark: string;
  /** Its place without the ending. */
  readonly stem: string;
}

/** What has become of a group of them; the rest are known, and as they were. */
export interface Taken {
  readonly registered: number;
  /** Written anew since, and looked into once more. */
  readonly changed: number;
}

/** What the ledger keeps of an asset beside its recording. */
export interface AssetRow {
  readonly id: string;
  readonly seq: number;
  readonly comments: string;
  /** Whether another asset has the same place but for its ending. */
  readonly hasNamesake: boolean;
}

/** A page of something, the newest first. */
interface PageQuery {
  readonly limit: number;
  /** Only what has a lower number. */
  readonly beforeSeq?: number | undefined;
  readonly text?: string | undefined;
}

interface Page<T> {
  readonly rows: readonly T[];
  readonly isLast: boolean;
}

/** Files below MEDIA_IN that are known by their place there, and what is made of them. */
export interface Assets {
  /** Takes in what is new of a group, has what was written anew begin anew, and leaves the rest as it is: one change for all, or none. */
  take(found: readonly FoundAsset[]): Promise<Taken>;
  page(query: PageQuery & { readonly status?: AssetStatus | undefined }): Promise<Page<AssetRow>>;
  /** In no order; those that there are not are left out. */
  rows(ids: readonly string[]): Promise<AssetRow[]>;
  /** `false`: there is no such asset. */
  comment(id: string, comments: string): Promise<boolean>;
  /** It is no asset any more; its recording is as it was. */
  forget(id: string): Promise<void>;
  /** Jobs of assets, by the ids of their recordings. */
  jobs(
    query: PageQuery & { readonly status?: JobStatus | undefined },
  ): Promise<Page<{ readonly id: string; readonly seq: number }>>;
  /** The newest jobs of each of these assets, the newest first. */
  jobsOf(ids: readonly string[], limit: number): Promise<ReadonlyMap<string, readonly string[]>>;
  /** What steps of these tasks have made of each of these assets and is still there, the newest runs first: so many of each task at the most. */
  made(ids: readonly string[], tasks: readonly string[], limit: number): Promise<MadeOfAsset[]>;
  /** What one step of one run has made of an asset; `undefined`: it has made nothing, or that is no run of this asset. */
  madeBy(of: Pick<MadeOfAsset, 'assetId' | 'runId' | 'step'>): Promise<MadeOfAsset | undefined>;
}

/** A worker has it, or takes back what it has made: it is left alone until that is over. */
const BUSY_STATES: readonly State[] = ['moving', 'cancelling', 'deleting'];

export function createAssets({ db, hosts }: { db: Database; hosts: Hosts }): Assets {
  /** What comes from the disk of this host says so. */
  function asOfHere(recording: NewRecording): NewRecording {
    const { origin } = recording;
    if (hosts.own === undefined || origin.kind !== 'input' || origin.file === undefined) return recording;
    return { ...recording, origin: { ...origin, host: hosts.own } };
  }

  async function known(from: Database | Transaction<Tables>, ids: readonly string[]) {
    const rows = await from
      .selectFrom('assets')
      .select(['recording_id', 'bytes', 'mark'])
      .where('recording_id', 'in', ids)
      .execute();
    return new Map(
      rows.map(({ recording_id: id, bytes, mark }) => [id, { bytes: Number(bytes), mark }] as const),
    );
  }

  async function takeIn(trx: Transaction<Tables>, found: ReadonlyMap<string, FoundAsset>): Promise<Taken> {
    const ids = [...found.keys()];
    const registered = await known(trx, ids);
    const rows = await trx
      .selectFrom('recordings')
      .select(['id', 'seq', 'state'])
      .where('id', 'in', ids)
      .execute();
    const recordings = new Map(rows.map((row) => [row.id, row]));
    const fresh: { id: string; asset: FoundAsset }[] = [];
    const taken = { registered: 0, changed: 0 };
    for (const [id, asset] of found) {
      const recording = recordings.get(id);
      const before = registered.get(id);
      if (recording === undefined) fresh.push({ id, asset });
      if (recording === undefined || BUSY_STATES.includes(recording.state as State)) continue;
      if (before === undefined) {
        await beginAnew(trx, id, asset);
        await trx
          .insertInto('assets')
          .values(rowOf(id, Number(recording.seq), asset))
          .execute();
        taken.registered += 1;
      } else if (isWrittenAnew(before, asset)) {
        await beginAnew(trx, id, asset);
        await setMark(trx, id, asset);
        taken.changed += 1;
      } else if (before.mark !== asset.mark) {
        await moved(trx, id, asset);
      }
    }
    await insertNew(trx, fresh);
    return { ...taken, registered: taken.registered + fresh.length };
  }

  async function insertNew(
    trx: Transaction<Tables>,
    fresh: readonly { readonly id: string; readonly asset: FoundAsset }[],
  ): Promise<void> {
    if (fresh.length === 0) return;
    const recordings: (ReturnType<typeof newRow> & { seq: number })[] = [];
    for (const { id, asset } of fresh) {
      const recording = asOfHere(asset.recording);
      if (recording.plan !== undefined) await keepPlan(trx, recording.plan);
      recordings.push({ seq: await nextNumber(trx, 'recordings'), ...newRow(id, recording) });
      addLast(trx, firstEvent(id, recording));
    }
    await trx.insertInto('recordings').values(recordings).execute();
    const assets = fresh.map(({ id, asset }, at) => rowOf(id, recordings[at]?.seq ?? 0, asset));
    await trx.insertInto('assets').values(assets).execute();
  }

  /** As if nothing had been looked at yet: a look makes nothing that would have to be taken back. */
  async function beginAnew(trx: Transaction<Tables>, id: string, { recording }: FoundAsset): Promise<void> {
    await trx.deleteFrom('stages').where('recording_id', '=', id).execute();
    await renew(trx, id, asOfHere(recording));
    const lane = recording.plan === undefined ? null : laneColumn(firstLaneOf(recording.plan));
    await trx.updateTable('recordings').set({ lane, wanted: null }).where('id', '=', id).execute();
  }

  /** The same file lies in a bucket now and lay in a folder, or the other way round. */
  async function moved(trx: Transaction<Tables>, id: string, asset: FoundAsset): Promise<void> {
    const { origin } = asOfHere(asset.recording);
    const change = { origin: JSON.stringify(origin), ...placeOf(origin) };
    await trx.updateTable('recordings').set(change).where('id', '=', id).execute();
    await setMark(trx, id, asset);
  }

  async function setMark(trx: Transaction<Tables>, id: string, { bytes, mark }: FoundAsset): Promise<void> {
    await trx.updateTable('assets').set({ bytes, mark }).where('recording_id', '=', id).execute();
  }

  /**
   * Assets that there are; one whose recording was cancelled or deleted is none. What is asked of recordings is asked of each in its
   * turn, so that a page of them costs no more than its rows, however many there are.
   */
  function assets({ states, text }: { states: readonly State[]; text?: string | undefined }) {
    return db
      .selectFrom('assets')
      .select(['recording_id', 'seq', 'comments', hasNamesake])
      .where((is) => {
        let recording = is
          .selectFrom('recordings')
          .select('recordings.id')
          .whereRef('recordings.id', '=', 'assets.recording_id')
          .where('recordings.state', 'in', states);
        for (const like of likenesses(text)) recording = recording.where(sql<boolean>`search ${like}`);
        return is.exists(recording);
      });
  }

  /** Steps that have made something of assets which there are, and it was not taken back. */
  const makers = () =>
    db
      .selectFrom('stages')
      .innerJoin('recordings', 'recordings.id', 'stages.recording_id')
      .innerJoin('assets', 'assets.recording_id', 'recordings.run_of')
      .where('stages.fact', 'is not', null)
      .where('stages.ending', 'is', null)
      .where('recordings.state', 'not in', GONE_STATES)
      .where('recordings.wanted', 'is distinct from', 'cancelled');

  return {
    async take(given) {
      const found = new Map(given.map((asset) => [recordingId(asset.recording.naturalKey), asset] as const));
      if (found.size === 0) return { registered: 0, changed: 0 };
      const before = await known(db, [...found.keys()]);
      for (const [id, asset] of found) if (before.get(id)?.mark === asset.mark) found.delete(id);
      if (found.size === 0) return { registered: 0, changed: 0 };
      return await change(db, (trx) => takeIn(trx, found));
    },

    async page({ limit, beforeSeq, text, status }) {
      const states = (status === undefined ? ASSET_STATUSES : [status]).flatMap(
        (each) => STATES_OF_ASSETS[each],
      );
      let found = assets({ states, text });
      if (beforeSeq !== undefined) found = found.where('seq', '<', beforeSeq);
      const rows = await found
        .orderBy('seq', 'desc')
        .limit(limit + 1)
        .execute();
      return { rows: rows.slice(0, limit).map(toAsset), isLast: rows.length <= limit };
    },

    async rows(ids) {
      if (ids.length === 0) return [];
      const rows = await assets({ states: Object.values(STATES_OF_ASSETS).flat() })
        .where('recording_id', 'in', ids)
        .execute();
      return rows.map(toAsset);
    },

    async comment(id, comments) {
      const { numUpdatedRows } = await db
        .updateTable('assets')
        .set({ comments })
        .where('recording_id', '=', id)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },

    async forget(id) {
      await db.deleteFrom('assets').where('recording_id', '=', id).execute();
    },

    async jobs({ limit, beforeSeq, text, status }) {
      let found = db
        .selectFrom('recordings')
        .select(['id', 'seq'])
        // As the index says it, so that it is used.
        .where('source', '=', sql.lit('library'))
        .where('run_of', 'is not', null)
        .where('state', 'not in', ['deleting', 'deleted']);
      if (beforeSeq !== undefined) found = found.where('seq', '<', beforeSeq);
      if (status !== undefined) found = withStatus(found, status);
      for (const like of likenesses(text)) found = found.where(sql<boolean>`search ${like}`);
      const rows = await found
        .orderBy('seq', 'desc')
        .limit(limit + 1)
        .execute();
      return {
        rows: rows.slice(0, limit).map(({ id, seq }) => ({ id, seq: Number(seq) })),
        isLast: rows.length <= limit,
      };
    },

    async jobsOf(ids, limit) {
      const ofAssets = new Map<string, string[]>();
      if (ids.length === 0) return ofAssets;
      const numbered = db
        .selectFrom('recordings')
        .select(['id', 'run_of', 'seq'])
        .select(sql<number>`row_number() over (partition by run_of order by seq desc)`.as('place_of_job'))
        .where('run_of', 'in', ids)
        .where('state', 'not in', ['deleting', 'deleted']);
      const rows = await db
        .selectFrom(numbered.as('jobs'))
        .select(['id', 'run_of'])
        .where('place_of_job', '<=', limit)
        .orderBy('seq', 'desc')
        .execute();
      for (const { id, run_of: of } of rows) {
        const own = ofAssets.get(of ?? '');
        if (own === undefined) ofAssets.set(of ?? '', [id]);
        else own.push(id);
      }
      return ofAssets;
    },

    async made(ids, tasks, limit) {
      if (ids.length === 0) return [];
      const numbered = makers()
        .select(['stages.recording_id', 'stages.stage', 'recordings.run_of', 'recordings.seq'])
        .select(
          sql<number>`row_number() over (partition by run_of, task order by recordings.seq desc, stage)`.as(
            'place_of_step',
          ),
        )
        .where('recordings.run_of', 'in', ids)
        .where('stages.task', 'in', tasks);
      const rows = await db
        .selectFrom(numbered.as('makers'))
        .innerJoin('stages', (on) =>
          on
            .onRef('stages.recording_id', '=', 'makers.recording_id')
            .onRef('stages.stage', '=', 'makers.stage'),
        )
        .select(['makers.run_of', 'makers.recording_id', 'makers.stage'])
        .select(['stages.task', 'stages.fact', 'stages.done_at_ms'])
        .where('place_of_step', '<=', limit)
        .orderBy('makers.seq', 'desc')
        .orderBy('makers.stage')
        .execute();
      return rows.map(toMade);
    },

    async madeBy({ assetId, runId, step }) {
      const row = await makers()
        .select(['recordings.run_of', 'stages.recording_id', 'stages.stage'])
        .select(['stages.task', 'stages.fact', 'stages.done_at_ms'])
        .where('stages.recording_id', '=', runId)
        .where('stages.stage', '=', step)
        .where('recordings.run_of', '=', assetId)
        .executeTakeFirst();
      return row && toMade(row);
    },
  };
}

/** Whether another asset has the same place but for its ending. */
const hasNamesake = sql<unknown>`exists (select 1 from assets as others
  where others.stem_key = assets.stem_key and others.recording_id <> assets.recording_id)`.as('has_namesake');

/** How each word of a search has to stand in what is looked through. */
function likenesses(text: string | undefined) {
  const pieces = text === undefined ? [] : searchPieces(text);
  return pieces.map((piece) => sql`like ${`%${piece.replace(/[\\%_]/g, '\\$&')}%`} escape '\\'`);
}

type JobQuery = SelectQueryBuilder<Tables, 'recordings', { id: string; seq: number }>;

/** Of jobs those that stand so, as `jobStatusOf` has it. */
function withStatus(jobs: JobQuery, status: JobStatus): JobQuery {
  const waits: readonly State[] = ['waiting', 'backing-off'];
  const isWanted = (is: ExpressionBuilder<Tables, 'recordings'>) =>
    is('wanted', 'is distinct from', 'cancelled');
  const isOver = (is: ExpressionBuilder<Tables, 'recordings'>) =>
    is.exists(
      is
        .selectFrom('stages')
        .select('stage')
        .whereRef('recording_id', '=', 'recordings.id')
        .where('is_output', '=', 1)
        .where((or) => or.or([or('fact', 'is not', null), or('stages.ended_at_ms', 'is not', null)])),
    );
  switch (status) {
    case 'COMPLETED':
      return jobs.where('state', '=', 'done');
    case 'FAILED':
      return jobs.where('state', '=', 'failed');
    case 'CANCELLED':
      return jobs.where((is) =>
        is.or([
          is('state', 'in', ['cancelling', 'cancelled']),
          is.and([is('wanted', '=', 'cancelled'), is('state', 'in', UNFINISHED_STATES)]),
        ]),
      );
    case 'PENDING':
      return jobs
        .where(isWanted)
        .where((is) =>
          is.or([is('state', '=', 'set-aside'), is.and([is('state', 'in', waits), is.not(isOver(is))])]),
        );
    case 'PROCESSING':
      return jobs
        .where(isWanted)
        .where((is) => is.or([is('state', '=', 'moving'), is.and([is('state', 'in', waits), isOver(is)])]));
  }
}

function rowOf(id: string, seq: number, { bytes, mark, stem }: FoundAsset) {
  const stemKey = sha256(JSON.stringify(stem)).slice(0, 32);
  return { recording_id: id, seq, bytes, mark, stem_key: stemKey };
}

function toAsset(row: {
  recording_id: string;
  seq: number;
  comments: string;
  has_namesake: unknown;
}): AssetRow {
  const { recording_id: id, seq, comments, has_namesake: hasNamesake } = row;
  return { id, seq: Number(seq), comments, hasNamesake: Boolean(hasNamesake) };
}

function toMade(
  row: Pick<Selectable<Tables['stages']>, 'recording_id' | 'stage' | 'task' | 'fact' | 'done_at_ms'> & {
    run_of: string | null;
  },
): MadeOfAsset {
  return {
    assetId: row.run_of ?? '',
    runId: row.recording_id,
    step: row.stage,
    task: row.task ?? '',
    fact: JSON.parse(row.fact ?? '{}'),
    doneAtMs: row.done_at_ms ?? 0,
  };
}
