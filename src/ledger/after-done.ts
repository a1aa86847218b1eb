import { type Selectable, sql, type Transaction } from 'kysely';
import { deletedBody, renamedBody } from '../domain/announcement.ts';
import { archivedFiles } from '../domain/archived.ts';
import { companionsBeside } from '../domain/companions.ts';
import { videosIn } from '../domain/published.ts';
import type { Facts, Recording } from '../domain/recording.ts';
import { wallMs } from '../lib/wall-time.ts';
import { addEvent } from './add-event.ts';
import { forgetClaims, setClaims } from './claim-rows.ts';
import { insertDelivery } from './deliveries.ts';
import type { EventType } from './events.ts';
import { type LedgerExtension, tablesOfPending } from './extension.ts';
import { hasStep } from './has-step.ts';
import { toRecording } from './recording-rows.ts';
import { NEW_BEGINNING } from './renewal.ts';
import type { Tables } from './schema.ts';
import { searchText } from './search-text.ts';

/* What an operator does with a recording that is home, as parts of one transaction each. */

type Trx = Transaction<Tables>;

/** A step as it was before its recording was to be published again, with what it had made outside. */
type KeptStage = Selectable<Tables['stages']> & { readonly claims: readonly string[] };

/** What becomes of a recording's row, and what its history says of that. */
export interface Done {
  readonly change: Partial<Tables['recordings']>;
  readonly event: EventType;
  readonly data?: object;
}

/** Gives a recording another title, and the companions beside it that had the same one. */
export async function rename(trx: Trx, recording: Recording, title: string, by: string): Promise<Done> {
  const { id, title: previousTitle } = recording;
  for (const companion of await companionsOf(trx, recording)) {
    if (companion.title !== previousTitle) continue;
    const change = titled(companion, title);
    await trx.updateTable('recordings').set(change).where('id', '=', companion.id).execute();
    addEvent(trx, companion.id, 'recording.renamed', { from: previousTitle, to: title, with: id, by });
  }
  if (recording.kind === 'video') {
    await trx
      .insertInto('renames')
      .values({ recording_id: id, looks: 0, not_before_ms: 0 })
      .onConflict((conflict) => conflict.column('recording_id').doUpdateSet({ looks: 0, not_before_ms: 0 }))
      .execute();
  }
  if (await wasAnnounced(trx, recording)) {
    const nowMs = wallMs();
    await insertDelivery(trx, {
      recordingId: id,
      type: 'recording.renamed',
      occasion: await nextOccasion(trx, id, 'recording.renamed'),
      body: renamedBody({ recording: { ...recording, title }, previousTitle, nowMs }),
    });
  }
  return {
    change: titled(recording, title),
    event: 'recording.renamed',
    data: { from: previousTitle, to: title },
  };
}

function titled(recording: Recording, title: string) {
  return { title, is_renamed: 1, search: searchText({ ...recording, title }) };
}

/** Puts a recording in line once more, its bytes to come from the archive; so do its captions. */
export async function publishAgain(trx: Trx, recording: Recording, by: string): Promise<Done> {
  for (const companion of await companionsOf(trx, recording)) {
    if (companion.state !== 'done' || !(await isShown(trx, companion.id))) continue;
    const change = await keepStages(trx, companion);
    await trx.updateTable('recordings').set(change).where('id', '=', companion.id).execute();
    addEvent(trx, companion.id, 'publish-again.asked', { with: recording.id, by });
  }
  const present = videosIn(await factsOf(trx, recording.id)).map(({ videoId }) => videoId);
  const earlier = [...(recording.earlierVideoIds ?? []), ...present];
  return {
    change: { ...(await keepStages(trx, recording)), earlier_videos: JSON.stringify(earlier) },
    event: 'publish-again.asked',
    data: { videoId: present[0] ?? null },
  };
}

/** Whether something is made of it with a publisher, which is made again for a new video. */
export function isShown(trx: Trx, id: string): Promise<boolean> {
  return hasStep(trx, id, (steps) =>
    steps.where('is_again', '=', 1).where('service', 'is not', null).where('fact', 'is not', null),
  );
}

/** Forgets what was proved of the stages that are gone through again, but keeps it for the case that this is given up. */
async function keepStages(trx: Trx, { id }: Recording) {
  return { ...NEW_BEGINNING, last_error: null, kept_stages: JSON.stringify(await takeStages(trx, id)) };
}

/** Removes the stages that are gone through again, and gives back what they were. */
async function takeStages(trx: Trx, id: string): Promise<KeptStage[]> {
  const rows = await trx
    .deleteFrom('stages')
    .where('recording_id', '=', id)
    .where('is_again', '=', 1)
    .returningAll()
    .execute();
  const taken: KeptStage[] = [];
  for (const row of rows) taken.push({ ...row, claims: await forgetClaims(trx, id, row.stage) });
  return taken;
}

/** Gives a recording back what was proved before it was to be published again. */
export async function restoreStages(trx: Trx, id: string): Promise<void> {
  const { kept_stages: kept, earlier_videos: earlier } = await trx
    .selectFrom('recordings')
    .select(['kept_stages', 'earlier_videos'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  const put: KeptStage[] = JSON.parse(kept ?? '[]');
  await takeStages(trx, id);
  for (const { claims: refs, ...row } of put) {
    await trx.insertInto('stages').values(row).execute();
    const { stage, service } = row;
    await setClaims(trx, id, stage, service === null ? undefined : { service, refs });
  }
  const present = videosIn(factsIn(put)).map(({ videoId }) => videoId);
  const others = (JSON.parse(earlier ?? '[]') as string[]).filter((each) => !present.includes(each));
  await trx
    .updateTable('recordings')
    .set({ kept_stages: null, earlier_videos: others.length === 0 ? null : JSON.stringify(others) })
    .where('id', '=', id)
    .execute();
  if (others.length === 0 || present.length === 0) return;
  // It may have become playable meanwhile, when the others were still wanted.
  await trx
    .updateTable('watches')
    .set({ state: 'pending', not_before_ms: 0 })
    .where('video_id', 'in', present)
    .execute();
}

/**
 * Has all that was made of a recording removed. The website is told of it in the same step, and of nothing else any more:
 * what it has not heard yet would speak of a video that is going.
 */
export async function startDeletion(
  trx: Trx,
  recording: Recording,
  extensions: readonly LedgerExtension[],
): Promise<Done> {
  const { id, state } = recording;
  const now = await factsOf(trx, id);
  const kept: KeptStage[] = JSON.parse(await keptOf(trx, id));
  const facts = { ...factsIn(kept), ...now };
  const videos = videosIn(facts);
  const isTold = await wasAnnounced(trx, recording);
  const dropped = await trx
    .deleteFrom('deliveries')
    .where('recording_id', '=', id)
    .where('state', '!=', 'delivered')
    .where('type', '!=', 'recording.deleted')
    .returning('id')
    .execute();
  for (const delivery of dropped) {
    await trx.deleteFrom('delivery_attempts').where('delivery_id', '=', delivery.id).execute();
  }
  // What is told of it after it was brought again is news.
  await trx
    .updateTable('deliveries')
    .set({ occasion: sql<string>`occasion || ' until ' || id` })
    .where('recording_id', '=', id)
    .execute();
  if (isTold) {
    await insertDelivery(trx, {
      recordingId: id,
      type: 'recording.deleted',
      body: deletedBody({ recording, archives: archivedFiles(facts), videos, nowMs: wallMs() }),
    });
  }
  await trx.deleteFrom('renames').where('recording_id', '=', id).execute();
  for (const table of tablesOfPending(extensions)) {
    await trx.deleteFrom(table).where('recording_id', '=', id).execute();
  }
  const [archive] = archivedFiles(facts);
  return {
    change: {
      state: 'deleting',
      lane: null,
      place: 0,
      failed_attempts: 0,
      open_starts: 0,
      not_before_ms: 0,
      ended_at_ms: null,
      last_error: null,
    },
    event: 'deletion.started',
    data: {
      from: state,
      ...(archive ? { fileName: archive.fileName, fileId: archive.fileId } : {}),
      ...(videos[0] ? { videoId: videos[0].videoId } : {}),
    },
  };
}

/** The companions of a video that are of its time; none of a companion. */
export async function companionsOf(trx: Trx, recording: Recording): Promise<Recording[]> {
  if (recording.kind !== 'video' || recording.groupKey === null) return [];
  const rows = await trx
    .selectFrom('recordings')
    .selectAll()
    .where('group_key', '=', recording.groupKey)
    .orderBy('seq')
    .execute();
  return companionsBeside(recording, rows.map(toRecording));
}

async function factsOf(trx: Trx, id: string): Promise<Partial<Facts> & Record<string, unknown>> {
  const rows = await trx
    .selectFrom('stages')
    .select(['stage', 'fact'])
    .where('recording_id', '=', id)
    .execute();
  return factsIn(rows);
}

function factsIn(
  rows: readonly Pick<Tables['stages'], 'stage' | 'fact'>[],
): Partial<Facts> & Record<string, unknown> {
  return Object.fromEntries(
    rows.flatMap(({ stage, fact }) => (fact === null ? [] : [[stage, JSON.parse(fact)]])),
  );
}

async function keptOf(trx: Trx, id: string): Promise<string> {
  const row = await trx
    .selectFrom('recordings')
    .select('kept_stages')
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.kept_stages ?? '[]';
}

/** Whether the website hears, or has heard, that it is published. */
async function wasAnnounced(trx: Trx, { id, kind, isFromArchive }: Recording): Promise<boolean> {
  if (kind !== 'video') return false;
  return isFromArchive || (await isAnnounced(trx, id));
}

/** Whether the announcement of its publication has begun. */
export function isAnnounced(trx: Trx, id: string): Promise<boolean> {
  return hasStep(trx, id, (steps) => steps.where('is_final', '=', 1));
}

/** An occasion that was not there before, for an announcement that may be made several times. */
async function nextOccasion(trx: Trx, id: string, type: string): Promise<string> {
  const row = await trx
    .selectFrom('deliveries')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('recording_id', '=', id)
    .where('type', '=', type)
    .executeTakeFirst();
  return `${type} ${Number(row?.count ?? 0) + 1}`;
}
