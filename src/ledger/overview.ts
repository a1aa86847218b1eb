import { type Kysely, sql } from 'kysely';
import { ASSET } from '../domain/asset.ts';
import { siblingsOf } from '../domain/companions.ts';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import { playbackIn } from '../domain/playback.ts';
import { mainFirst, videosIn } from '../domain/published.ts';
import { type Recording, type Source, STATES, type State, TAKING_BACK_STATES } from '../domain/recording.ts';
import type { RecordingSummary } from '../domain/recording-summary.ts';
import { wallMs } from '../lib/wall-time.ts';
import { causeCode, causeService, HELD_STATES, isHeld } from './causes.ts';
import type { Database } from './database.ts';
import { toRecording } from './recording-rows.ts';
import type { Tables } from './schema.ts';
import { searchPieces } from './search-text.ts';

const HOUR_MS = 3_600_000;

/** What only lies below MEDIA_IN was neither asked for nor brought home, and nobody waits for it. */
const isNoAsset = sql<boolean>`natural_key not like ${sql.lit(`${ASSET}%`)}`;

/** Of how many that wait it is looked since when. */
const WAITING_LOOKED_AT = 20;

/** What a list shows of recordings: all that fits, and the newest first. */
export interface RecordingsQuery {
  readonly states?: readonly State[] | undefined;
  readonly source?: Source | undefined;
  /** Words that all have to be in what `searchText` looks through. */
  readonly text?: string | undefined;
  /** Bounds of the time of acceptance, both included. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  /** Bounds of the time at which it ended; the second is not included. */
  readonly endedFromMs?: number | undefined;
  readonly endedBeforeMs?: number | undefined;
  /** What it has met last, and the service that it waits for. */
  readonly code?: string | undefined;
  readonly service?: string | undefined;
  /** Those in line that may move now; those that are to go at a time; or those that wait for anything but their turn. */
  readonly waits?: 'turn' | 'time' | 'something' | undefined;
  readonly limit: number;
  /** Only what was accepted before the recording with this number. */
  readonly beforeSeq?: number | undefined;
}

/** What ended well within one hour, or another span. */
export interface HourDone {
  readonly startsAtMs: number;
  readonly recordings: number;
  readonly bytes: number;
}

/** What moves and what should, as far as the ledger tells. */
export interface Motion {
  readonly moving: Recording | undefined;
  /** Of those whose time has come and that do not move the one that has been due for longest, of the first in line. */
  readonly due: { readonly recording: Recording; readonly sinceMs: number } | undefined;
  /** Another text after every change of hands of the gate, and after each step of the recording that moves. */
  readonly mark: string;
}

/** The ledger as people look at it. */
export interface Overview {
  /** One page of a list, and whether there is more behind it. */
  list(query: RecordingsQuery): Promise<{ summaries: RecordingSummary[]; isLast: boolean }>;
  /** These recordings, in no order; those that there are not are left out. */
  summaries(ids: readonly string[]): Promise<RecordingSummary[]>;
  counts(): Promise<Partial<Record<State, number>>>;
  /** When the oldest of those that wait was accepted. */
  oldestWaitingAtMs(): Promise<number | undefined>;
  /** The one that has waited longest, against its will, of the first in line; and since when. */
  longestWaiting(): Promise<{ recording: Recording; sinceMs: number } | undefined>;
  moving(): Promise<RecordingSummary | undefined>;
  /** Runs that were asked for, the newest first: of one recording, or of all and of inputs. */
  runs(of: string | undefined, limit: number): Promise<RecordingSummary[]>;
  motion(): Promise<Motion>;
  /** All others that go on by themselves: those that wait for a time or for a service, the next first. */
  notYet(limit: number): Promise<RecordingSummary[]>;
  /** The first of those that wait and may move now, in the order in which they will. */
  nextInLine(limit: number): Promise<RecordingSummary[]>;
  /** How many wait for nothing but their turn. */
  inLineCount(): Promise<number>;
  /** How many were done since a time. */
  doneSince(sinceMs: number): Promise<number>;
  /** What was done last, the last first. */
  lastDone(limit: number): Promise<RecordingSummary[]>;
  /** What was done in the hour of this time and the 23 before it, oldest first. */
  lastDay(nowMs: number): Promise<HourDone[]>;
  /** What was done since a time, by the quarter of an hour: as fine as time zones are. Those without anything are left out. */
  doneByQuarter(sinceMs: number): Promise<HourDone[]>;
}

export function createOverview({ db }: { db: Database }): Overview {
  async function summarize(recordings: readonly Recording[]): Promise<RecordingSummary[]> {
    const ids = recordings.map(({ id }) => id);
    const stages = await db
      .selectFrom('stages')
      .select(['recording_id', 'stage', 'is_final', 'fact'])
      .where('recording_id', 'in', ids)
      .where((is) => is.or([is('service', 'is not', null), is('is_final', '=', 1)]))
      .execute();
    const watches = await db
      .selectFrom('watches')
      .select(['recording_id', 'video_id', 'state'])
      .where('recording_id', 'in', ids)
      .execute();
    const positions = await positionsOf(db, recordings);
    const ofVideos = await videosOf(db, recordings);

    return recordings.map((recording) => {
      const own = stages.filter((row) => row.recording_id === recording.id);
      const facts = Object.fromEntries(
        own.flatMap(({ stage, fact }) => (fact === null ? [] : [[stage, JSON.parse(fact)]])),
      );
      const videos = mainFirst(videosIn(facts)).map((video) => {
        const watched = watches.find(({ video_id }) => video_id === video.videoId)?.state;
        return { video, isPlayable: watched === 'video.playable' };
      });
      const playback = playbackIn(facts);
      return {
        recording,
        facts,
        videos,
        playback,
        isPlayable: playback !== undefined || videos.some((each) => each.isPlayable),
        isAnnounced: own.some(({ is_final }) => is_final === 1),
        position: positions.get(recording.id),
        ofVideo: ofVideos.get(recording.id),
      };
    });
  }

  return {
    async list({ states, source, text, fromMs, toMs, limit, beforeSeq, ...more }) {
      const { endedFromMs, endedBeforeMs, code, service, waits } = more;
      let found = db.selectFrom('recordings').select('seq');
      if (beforeSeq !== undefined) found = found.where('seq', '<', beforeSeq);
      if (states !== undefined) found = found.where('state', 'in', states);
      if (source !== undefined) found = found.where('source', '=', source);
      if (fromMs !== undefined) found = found.where('accepted_at_ms', '>=', fromMs);
      if (toMs !== undefined) found = found.where('accepted_at_ms', '<=', toMs);
      if (endedFromMs !== undefined) found = found.where('ended_at_ms', '>=', endedFromMs);
      if (endedBeforeMs !== undefined) found = found.where('ended_at_ms', '<', endedBeforeMs);
      if (code !== undefined) found = found.where(causeCode, '=', code as ErrorCode);
      if (service !== undefined) found = found.where(causeService, '=', service);
      if (waits === 'something') found = found.where('state', 'in', HELD_STATES).where(isHeld(wallMs()));
      else if (waits !== undefined) {
        found = found
          .where('state', '=', 'waiting')
          .where('not_before_ms', waits === 'turn' ? '<=' : '>', wallMs());
        if (waits === 'time') found = found.where('last_error', 'is', null);
      }
      for (const piece of text === undefined ? [] : searchPieces(text)) {
        const literal = piece.replace(/[\\%_]/g, '\\$&');
        found = found.where(sql<boolean>`search like ${`%${literal}%`} escape '\\'`);
      }
      // The numbers first: an index holds all that this looks at, whereas the rows are long.
      const seqs = await found
        .orderBy('seq', 'desc')
        .limit(limit + 1)
        .execute();
      const rows = await db
        .selectFrom('recordings')
        .selectAll()
        .where(
          'seq',
          'in',
          seqs.slice(0, limit).map(({ seq }) => seq),
        )
        .orderBy('seq', 'desc')
        .execute();
      return { summaries: await summarize(rows.map(toRecording)), isLast: seqs.length <= limit };
    },

    async summaries(ids) {
      const rows = await db.selectFrom('recordings').selectAll().where('id', 'in', ids).execute();
      return await summarize(rows.map(toRecording));
    },

    async counts() {
      const counts: Partial<Record<State, number>> = {};
      for (const state of STATES) {
        const row = await db
          .selectFrom('recordings')
          .select((select) => select.fn.countAll<number>().as('count'))
          .where('state', '=', state)
          .executeTakeFirst();
        if (row?.count) counts[state] = Number(row.count);
      }
      return counts;
    },

    async oldestWaitingAtMs() {
      const row = await db
        .selectFrom('recordings')
        .select('accepted_at_ms')
        .where('seq', '=', (inner) =>
          inner
            .selectFrom('recordings')
            .select((select) => select.fn.min('seq').as('seq'))
            .where('state', '=', 'waiting'),
        )
        .executeTakeFirst();
      return row && Number(row.accepted_at_ms);
    },

    async longestWaiting() {
      const rows = await db
        .selectFrom('recordings')
        .selectAll()
        .where('state', 'in', ['waiting', 'backing-off'])
        // Without an error it was a person who said when it is to go.
        .where((or) => or.or([or('not_before_ms', '<=', wallMs()), or('last_error', 'is not', null)]))
        .where(isNoAsset)
        .orderBy('seq')
        .limit(WAITING_LOOKED_AT)
        .execute();
      const starts = await waitingStarts(db, rows);
      const waiting = rows.map(toRecording).map((recording) => {
        const { id, acceptedAtMs, notBeforeMs, lastError } = recording;
        const askedMs = lastError === null ? notBeforeMs : 0;
        return { recording, sinceMs: Math.max(acceptedAtMs, askedMs, starts.get(id) ?? 0) };
      });
      return waiting.sort((a, b) => a.sinceMs - b.sinceMs)[0];
    },

    async runs(of, limit) {
      const all = db.selectFrom('recordings').selectAll().orderBy('seq', 'desc').limit(limit);
      const rows = await (of === undefined
        ? all
            .where((of) => of.or([of('run_of', 'is not', null), of('source', '=', 'library')]))
            .where(isNoAsset)
        : all.where('run_of', '=', of)
      ).execute();
      return await summarize(rows.map(toRecording));
    },

    async moving() {
      const row = await db
        .selectFrom('recordings')
        .selectAll()
        .where('state', '=', 'moving')
        .executeTakeFirst();
      return row && (await summarize([toRecording(row)]))[0];
    },

    async motion() {
      const moving = await db
        .selectFrom('recordings')
        .selectAll()
        .where('state', '=', 'moving')
        .executeTakeFirst();
      const lastStep =
        moving &&
        (await db
          .selectFrom('events')
          .select((select) => select.fn.max('seq').as('seq'))
          .where('recording_id', '=', moving.id)
          .executeTakeFirst());
      const gate = await db
        .selectFrom('gate')
        .select((select) => select.fn.max('fence').as('fence'))
        .executeTakeFirst();
      const rows = await db
        .selectFrom('recordings')
        .selectAll()
        .where('state', 'in', ['waiting', 'backing-off', ...TAKING_BACK_STATES])
        .where('not_before_ms', '<=', wallMs())
        .orderBy('seq')
        .limit(WAITING_LOOKED_AT)
        .execute();
      const starts = await waitingStarts(db, rows);
      const due = rows.map(toRecording).map((recording) => {
        const { id, acceptedAtMs, notBeforeMs } = recording;
        return { recording, sinceMs: Math.max(acceptedAtMs, notBeforeMs, starts.get(id) ?? 0) };
      });
      return {
        moving: moving && toRecording(moving),
        due: due.sort((a, b) => a.sinceMs - b.sinceMs)[0],
        mark: [gate?.fence, moving?.id, lastStep?.seq].join(' '),
      };
    },

    async notYet(limit) {
      const rows = await db
        .selectFrom('recordings')
        .selectAll()
        .where((or) =>
          or.or([
            or.and([or('state', '=', 'waiting'), or('not_before_ms', '>', wallMs())]),
            or('state', 'in', ['backing-off', ...TAKING_BACK_STATES]),
          ]),
        )
        .orderBy('not_before_ms')
        .orderBy('seq')
        .limit(limit)
        .execute();
      return await summarize(rows.map(toRecording));
    },

    async nextInLine(limit) {
      const rows = await db
        .selectFrom('recordings')
        .selectAll()
        .where('state', '=', 'waiting')
        .where('not_before_ms', '<=', wallMs())
        .orderBy('place')
        .orderBy('seq')
        .limit(limit)
        .execute();
      return await summarize(rows.map(toRecording));
    },

    async inLineCount() {
      const row = await db
        .selectFrom('recordings')
        .select((select) => select.fn.countAll<number>().as('count'))
        .where('state', '=', 'waiting')
        .where('not_before_ms', '<=', wallMs())
        .executeTakeFirst();
      return Number(row?.count ?? 0);
    },

    async doneSince(sinceMs) {
      const row = await db
        .selectFrom('recordings')
        .select((select) => select.fn.countAll<number>().as('count'))
        .where('state', '=', 'done')
        .where('ended_at_ms', '>=', sinceMs)
        .where(isNoAsset)
        .executeTakeFirst();
      return Number(row?.count ?? 0);
    },

    async lastDone(limit) {
      const rows = await db
        .selectFrom('recordings')
        .selectAll()
        .where('state', '=', 'done')
        .where(isNoAsset)
        .orderBy('ended_at_ms', 'desc')
        .limit(limit)
        .execute();
      return await summarize(rows.map(toRecording));
    },

    async lastDay(nowMs) {
      const firstMs = (Math.floor(nowMs / HOUR_MS) - 23) * HOUR_MS;
      const done = await doneBySpan(firstMs, HOUR_MS);
      return Array.from({ length: 24 }, (_, index) => {
        const startsAtMs = firstMs + index * HOUR_MS;
        return done.find((each) => each.startsAtMs === startsAtMs) ?? { startsAtMs, recordings: 0, bytes: 0 };
      });
    },

    doneByQuarter: (sinceMs) => doneBySpan(sinceMs, HOUR_MS / 4),
  };

  async function doneBySpan(sinceMs: number, spanMs: number): Promise<HourDone[]> {
    const span = sql<number>`ended_at_ms / ${sql.lit(spanMs)}`;
    const rows = await db
      .selectFrom('recordings')
      .select((select) => [
        span.as('span'),
        select.fn.countAll<number>().as('count'),
        select.fn.sum<number | null>('bytes').as('bytes'),
      ])
      .where('ended_at_ms', '>=', sinceMs)
      .where('state', '=', 'done')
      .where(isNoAsset)
      .groupBy(span)
      .execute();
    return rows.map(({ span: at, count, bytes }) => ({
      startsAtMs: Number(at) * spanMs,
      recordings: Number(count),
      bytes: Number(bytes ?? 0),
    }));
  }
}

/** The places in line of those that wait and may move now; what stands between two of them is counted once. */
async function positionsOf(
  db: Kysely<Tables>,
  recordings: readonly Recording[],
): Promise<Map<string, number>> {
  const nowMs = wallMs();
  const inLine = recordings
    .filter(({ state, notBeforeMs }) => state === 'waiting' && notBeforeMs <= nowMs)
    .sort((a, b) => a.place - b.place || a.seq - b.seq);
  const positions = new Map<string, number>();
  let position = 1;
  let before: Recording | undefined;
  for (const recording of inLine) {
    let between = db
      .selectFrom('recordings')
      .select((select) => select.fn.countAll<number>().as('count'))
      .where('state', '=', 'waiting')
      .where('not_before_ms', '<=', nowMs)
      .where(sql<boolean>`(place, seq) < (${recording.place}, ${recording.seq})`);
    if (before !== undefined)
      between = between.where(sql<boolean>`(place, seq) >= (${before.place}, ${before.seq})`);
    position += Number((await between.executeTakeFirst())?.count ?? 0);
    positions.set(recording.id, position);
    before = recording;
  }
  return positions;
}

/** Of which video each of these companions is. */
async function videosOf(
  db: Kysely<Tables>,
  recordings: readonly Recording[],
): Promise<Map<string, { id: string; title: string }>> {
  const companions = recordings.filter(({ kind, groupKey }) => kind === 'companion' && groupKey !== null);
  const found = new Map<string, { id: string; title: string }>();
  if (companions.length === 0) return found;
  const rows = await db
    .selectFrom('recordings')
    .select(['id', 'title', 'kind', 'details', 'group_key'])
    .where('group_key', 'in', [...new Set(companions.map(({ groupKey }) => groupKey))])
    .where('kind', '=', 'video')
    .orderBy('seq')
    .execute();
  for (const companion of companions) {
    const ofMeeting = rows
      .filter((row) => row.group_key === companion.groupKey)
      .map(({ id, title, details }) => ({ id, title, kind: 'video' as const, details: JSON.parse(details) }));
    const [video] = siblingsOf(companion, ofMeeting).videos;
    if (video !== undefined) found.set(companion.id, { id: video.id, title: video.title });
  }
  return found;
}

/** When each of these was given its last new beginning, if any. */
async function waitingStarts(
  db: Kysely<Tables>,
  recordings: readonly { readonly id: string }[],
): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom('events')
    .select((select) => ['recording_id', select.fn.max('at_ms').as('at')])
    .where(
      'recording_id',
      'in',
      recordings.map(({ id }) => id),
    )
    .where('type', 'in', [
      'recording.retried',
      'recording.revived',
      'publish-again.asked',
      'deletion.started',
    ])
    .groupBy('recording_id')
    .execute();
  return new Map(rows.map((row) => [row.recording_id, Number(row.at)]));
}
