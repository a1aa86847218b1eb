import type { ErrorCode } from '../../src/domain/error-catalogue.ts';
import type { State } from '../../src/domain/recording.ts';
import { openDatabase } from '../../src/ledger/database.ts';
import { makeRecording } from './many-recordings.ts';

/** Titles as tutors write them: long, in other alphabets and directions, with what looks like markup. */
export const TITLES = {
  long: 'Linear algebra for engineers, winter term: eigenvalues, eigenvectors, diagonalisation and why any of it matters when a bridge begins to swing (second half, after the break)',
  unbroken:
    'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft_2026-11-24_final_FINAL_v2',
  cyrillic: 'Введение в анализ: пределы и непрерывность',
  greek: 'Εισαγωγή στη γεωμετρία',
  arabic: 'مقدمة في الجبر الخطي: الدرس الثالث',
  cjk: '線形代数入門：固有値と固有ベクトル',
  emoji: 'Physics 🚀 rockets & momentum 👩🏽‍🚀',
  html: '<b>Bold</b> & <script>alert(1)</script> "quoted"',
} as const;

const HOUR_MS = 3_600_000;

interface Kept {
  readonly state: State;
  readonly title: string;
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly service?: string };
  readonly inMs?: number;
  readonly group?: string;
  readonly companion?: string;
  readonly bytes?: number;
}

const NOT_MEDIA_PAGE = {
  code: 'DOWNLOAD_NOT_MEDIA',
  message: 'Zoom answered with text/html at 0 of 1288490188 bytes',
} as const;
const B2_DOWN = {
  code: 'SERVICE_DOWN',
  message: 'b2 is down and is tried again at 2026-11-28T00:07:00.000Z',
  service: 'b2',
} as const;

function lesson(state: State, title: string, group: string): Kept[] {
  return [
    { state, title, group },
    { state, title, group, companion: 'chat', bytes: 23 },
    { state, title, group, companion: 'transcript', bytes: 48_211 },
  ];
}

/** What a ledger of a small school holds: something in every state but moving, companions, titles of all kinds. */
export const KEPT: readonly Kept[] = [
  ...lesson('done', 'Algebra II: quadratic forms', 'g1'),
  { state: 'done', title: TITLES.cjk },
  { state: 'done', title: TITLES.arabic },
  ...lesson('done', TITLES.cyrillic, 'g2'),
  { state: 'cancelled', title: 'Wrong file' },
  { state: 'cancelled', title: 'Test meeting, please ignore' },
  { state: 'failed', title: TITLES.long, error: NOT_MEDIA_PAGE },
  { state: 'failed', title: TITLES.greek, error: NOT_MEDIA_PAGE },
  { state: 'failed', title: TITLES.html, error: NOT_MEDIA_PAGE },
  { state: 'failed', title: TITLES.emoji, error: NOT_MEDIA_PAGE },
  { state: 'failed', title: 'World history', error: NOT_MEDIA_PAGE },
  {
    state: 'failed',
    title: TITLES.unbroken,
    error: { code: 'NOT_MEDIA', message: 'the content is text/plain' },
  },
  {
    state: 'failed',
    title: 'Office hours with Ms. Ferreira',
    error: { code: 'ZOOM_DELETED', message: 'Zoom says that the recording was deleted' },
  },
  ...lesson('waiting', 'Statistics workshop, part 3', 'g3'),
  { state: 'waiting', title: TITLES.long },
  { state: 'waiting', title: TITLES.arabic },
  { state: 'waiting', title: TITLES.html },
  { state: 'waiting', title: 'Biology: cell respiration' },
  { state: 'waiting', title: TITLES.unbroken },
  { state: 'waiting', title: 'Evening lecture', inMs: 14 * HOUR_MS },
  { state: 'waiting', title: TITLES.greek, error: B2_DOWN, inMs: 300_000 },
  { state: 'waiting', title: 'Chemistry, lesson 14', error: B2_DOWN, inMs: 310_000 },
  { state: 'waiting', title: TITLES.emoji, error: B2_DOWN, inMs: 320_000 },
  { state: 'backing-off', title: 'Essay writing clinic', error: B2_DOWN, inMs: 330_000 },
  {
    state: 'backing-off',
    title: 'Spanish B1: el subjuntivo',
    error: { code: 'REMOTE_REJECTED', message: 'Bunny Stream answered 400: no such collection' },
    inMs: 900_000,
  },
  { state: 'set-aside', title: 'Not before the exam' },
  { state: 'set-aside', title: TITLES.cyrillic },
  { state: 'cancelling', title: 'Parents’ evening' },
];

/** Writes all of {@link KEPT} into a ledger, as if it had come in that order; returns the ids in that order. */
export async function fillLedger(ledgerPath: string): Promise<string[]> {
  const db = await openDatabase(ledgerPath);
  try {
    return await db.transaction().execute(async (trx) => {
      const { last } = await trx
        .selectFrom('recordings')
        .select((select) => select.fn.max('seq').as('last'))
        .executeTakeFirstOrThrow();
      const ids: string[] = [];
      for (const [index, kept] of KEPT.entries()) {
        const { state, title, error, inMs, group, companion, bytes } = kept;
        const made = makeRecording(state, index * 3, Number(last ?? 0) + index + 1);
        const { id } = made.recording;
        const endedAtMs = Date.now() - (KEPT.length - index) * 60_000;
        const isOver = state === 'done' || state === 'failed' || state === 'cancelled';
        const isVideo = companion === undefined;
        const recording = {
          ...made.recording,
          title,
          kind: isVideo ? 'video' : 'companion',
          group_key: group === undefined ? null : `zoom:${group}`,
          details: JSON.stringify({ host_email: 'tutor@academy.example', ...(isVideo ? {} : { companion }) }),
          last_error: error === undefined ? null : JSON.stringify(error),
          not_before_ms: inMs === undefined ? 0 : Date.now() + inMs,
          ended_at_ms: isOver ? endedAtMs : null,
          bytes: bytes ?? made.recording.bytes,
          search: `${title}\n${id}`.toLowerCase(),
        };
        await trx.insertInto('recordings').values(recording).execute();
        ids.push(id);
        if (state !== 'done') continue;
        await trx
          .insertInto('stages')
          .values(isVideo ? made.stages : made.stages.filter(({ stage }) => stage === 'archive'))
          .execute();
        if (isVideo) await trx.insertInto('watches').values(made.watch).execute();
      }
      return ids;
    });
  } finally {
    await db.destroy();
  }
}
