import { createHash } from 'node:crypto';
import type { State } from '../../src/domain/recording.ts';
import { openDatabase } from '../../src/ledger/database.ts';

const TITLES = [
  'Algebra II: quadratic forms',
  'Organic chemistry, lesson 14',
  'Office hours with Ms. Ferreira',
  'Physics: rotation and torque',
  'World history, the Hanseatic League',
  'Spanish B1: el subjuntivo',
  'Statistics workshop, part 3',
  'Biology: cell respiration',
  'Essay writing clinic',
  'Linear algebra: eigenvalues',
];

const FAILURES = [
  ['DOWNLOAD_NOT_MEDIA', 'Zoom answered with text/html at 0 of 1288490188 bytes'],
  ['REMOTE_UNAUTHORIZED', 'Backblaze answered 401 bad_auth_token'],
  ['NOT_MEDIA', 'the content is text/plain'],
] as const;

const HOUR_MS = 3_600_000;

/** How many there shall be of each state; those that are done ended at some time within the last two days. */
export type Numbers = Partial<Record<Extract<State, 'done' | 'failed' | 'waiting' | 'backing-off'>, number>>;

/** Writes recordings into a ledger as if they had come in and been moved in the past; in one go, for there may be many. */
export async function writeRecordings(ledgerPath: string, numbers: Numbers): Promise<void> {
  const db = await openDatabase(ledgerPath);
  const states = Object.entries(numbers).flatMap(([state, count]) =>
    Array<State>(count).fill(state as State),
  );
  try {
    await db.transaction().execute(async (trx) => {
      const { last } = await trx
        .selectFrom('recordings')
        .select((select) => select.fn.max('seq').as('last'))
        .executeTakeFirstOrThrow();
      const rows = states.map((state, index) => makeRecording(state, index, Number(last ?? 0) + index + 1));
      for (let from = 0; from < rows.length; from += 200) {
        const batch = rows.slice(from, from + 200);
        await trx
          .insertInto('recordings')
          .values(batch.map(({ recording }) => recording))
          .execute();
        const done = batch.filter(({ recording }) => recording.state === 'done');
        if (done.length === 0) continue;
        await trx
          .insertInto('stages')
          .values(done.flatMap(({ stages }) => stages))
          .execute();
        await trx
          .insertInto('watches')
          .values(done.map(({ watch }) => watch))
          .execute();
      }
    });
  } finally {
    await db.destroy();
  }
}

export function makeRecording(state: State, index: number, seq: number) {
  const key = `made ${seq}`;
  const digest = createHash('sha256').update(key).digest('hex').slice(0, 24);
  const id = `rec_${digest}`;
  const title = TITLES[index % TITLES.length] ?? key;
  const [code, message] = FAILURES[index % FAILURES.length] ?? FAILURES[0];
  // Spread without chance: more by day than by night, as lessons are.
  const agoMs = ((index * 37) % 46) * HOUR_MS * (0.55 + 0.45 * Math.sin(index));
  const endedAtMs = state === 'done' || state === 'failed' ? Date.now() - agoMs - 60_000 : null;
  const acceptedAtMs =
    (endedAtMs ?? Date.now()) - (state === 'waiting' ? (60 - (index % 50)) * 1000 : 900_000);
  const bytes = 180_000_000 + ((index * 7_919) % 97) * 21_000_000;
  const isZoom = index % 3 !== 1;
  const hasFailed = state === 'failed' || state === 'backing-off';
  const publish = { libraryId: '4321', videoId: `21900332-0d15-4209-9f15-${digest.slice(0, 12)}` };
  const archive = {
    bucket: 'ace-academy-recordings',
    fileId: `4_z${digest}`,
    fileName: `${isZoom ? 'zoom' : 'manual'}/2026/11/${title.replace(/[^A-Za-z0-9]+/g, '-')}-${digest}.mp4`,
    sha1: null,
  };
  const stage = (name: string, service: string | null, fact: object) => ({
    recording_id: id,
    stage: name,
    task: name,
    service,
    is_final: service === null ? 1 : 0,
    checkpoint: null,
    fact: JSON.stringify(fact),
    started_at_ms: acceptedAtMs,
    done_at_ms: endedAtMs,
  });
  return {
    recording: {
      ...{ id, seq, natural_key: key, kind: 'video', title, state, bytes },
      source: isZoom ? 'zoom' : 'manual',
      ace_id: isZoom ? null : `lesson-${4000 + index}`,
      origin: JSON.stringify({ kind: 'file', path: '/nowhere', bytes, modifiedAtMs: 0, keep: true }),
      details: JSON.stringify(
        isZoom ? { meeting_id: 8_800_000_000 + index, host_email: 'tutor@academy.example' } : {},
      ),
      failed_attempts: state === 'failed' ? 8 : state === 'backing-off' ? 2 : 0,
      open_starts: 0,
      last_error: hasFailed ? JSON.stringify({ code, message }) : null,
      not_before_ms: state === 'backing-off' ? Date.now() + 1_500_000 : 0,
      accepted_at_ms: Math.round(acceptedAtMs),
      started_at_ms: state === 'waiting' ? null : Math.round(acceptedAtMs + 4000),
      ended_at_ms: endedAtMs === null ? null : Math.round(endedAtMs),
      ...{ place: 0, wanted: null, renewal: null, search: `${title}\n${id}`.toLowerCase() },
    },
    stages: [
      stage('archive', 'b2', archive),
      stage('publish', 'bunny', publish),
      stage('notify', null, { deliveryId: `msg_${digest}` }),
    ],
    watch: {
      ...{ video_id: publish.videoId, seq, recording_id: id, state: 'video.playable', polls: 3 },
      ...{ not_before_ms: 0, created_at_ms: Math.round(endedAtMs ?? 0) },
    },
  };
}
