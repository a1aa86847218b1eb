import type { Command } from 'commander';
import { z } from 'zod';
import { byteSize } from '../../lib/byte-size.ts';
import { confirm } from '../confirm.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, troubleOf, usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { createLiveBlock } from '../live-block.ts';
import { STATE_STYLES } from '../paint.ts';
import { openSession, type Session } from '../session.ts';
import { renderTable } from '../table.ts';
import { clip, printable } from '../text-width.ts';
import { localTime } from '../times.ts';

const ingestShape = z.looseObject({
  meeting_uuid: z.string(),
  topic: z.string(),
  start_time: z.string().nullable(),
  accepted: z.array(z.looseObject({ id: z.string(), state: z.string(), duplicate: z.boolean() })),
  ignored: z.array(z.looseObject({ recording_type: z.string(), reason: z.string(), why: z.string() })),
});

const missingShape = z.looseObject({
  meeting_uuid: z.string(),
  topic: z.string(),
  host_email: z.string().nullable(),
  start_time: z.string().nullable(),
  recordings: z.array(z.looseObject({ id: z.string(), title: z.string(), bytes: z.number().nullable() })),
});
type Missing = z.output<typeof missingShape>;

const stepShape = z.object({
  from: z.string(),
  to: z.string(),
  meetings_seen: z.number(),
  missing: z.array(missingShape),
  untold: z.array(z.looseObject({ host: z.string().nullable(), why: z.string() })).default([]),
  next_cursor: z.string().nullable(),
});

const ignoredShape = z.object({
  ignored: z.array(
    z.looseObject({
      id: z.string(),
      reason: z.string(),
      why: z.string(),
      last_at: z.string(),
      topic: z.string().optional(),
      recording_type: z.string().optional(),
      can_bring: z.boolean(),
    }),
  ),
});
type Left = z.output<typeof ignoredShape>['ignored'][number];

const broughtShape = z.looseObject({ id: z.string(), state: z.string(), duplicate: z.boolean() });

const LEFT_COLUMNS = [
  { heading: 'id', text: ({ id, can_bring: canBring }: Left) => (canBring ? id : '') },
  { heading: 'last told', text: ({ last_at: at }: Left) => localTime(at) },
  { heading: 'what', text: ({ recording_type: type }: Left) => type ?? '' },
  { heading: 'topic', text: ({ topic }: Left) => topic ?? '', minWidth: 8 },
  { heading: 'why', text: ({ why }: Left) => why, minWidth: 10 },
];

type Untold = z.output<typeof stepShape>['untold'][number];

interface BackfillOptions {
  readonly from: string;
  readonly to?: string;
  readonly host?: string;
  readonly account?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const INGEST_EXAMPLES = `
A meeting is named by its UUID or number, or by a link: the page of the Zoom portal that shows its recording, or the one
that people share. Of a number Zoom knows the latest recording only. What is home already does not come twice.

Examples:
  sluice zoom ingest "/ajXp112QmuoKj4854875=="
  sluice zoom ingest "https://us06web.zoom.us/recording/detail?meeting_id=ajXp112QmuoKj4854875%3D%3D"`;

const BACKFILL_EXAMPLES = `
What is not here is counted first. It stands in line behind all that is new. Interrupted, begin it again: what is in line
already does not come twice.

Examples:
  sluice zoom backfill --from 2026-01-01 --dry-run
  sluice zoom backfill --from 2025-09-01 --to 2025-12-31 --host tutor@example.com --yes`;

/** `sluice zoom ingest` and `sluice zoom backfill`: what Zoom has, and no event has brought. */
export function addZoomCommand(program: Command, io: Io): void {
  const zoom = program
    .command('zoom')
    .summary('bring home what Zoom has not announced, or what was left there')
    .description('Brings home what Zoom has, and has not announced; and what was left with it.');

  zoom
    .command('ingest')
    .summary('bring one recorded meeting home')
    .description('Brings one recorded meeting home, by the rules and settings for what Zoom announces.')
    .argument('<meeting>', 'UUID, number or link')
    .option('--account <id>', 'only of this account of Zoom; default: the first that has it')
    .addHelpText('after', INGEST_EXAMPLES)
    .action(async (meeting: string, { account }: { account?: string }, command: Command) => {
      const session = openSession(io, command);
      const body = { meeting, account };
      const answer = await session.api.post('/api/zoom/ingest', body, ingestShape, session.signal);
      if (session.isJson) session.printJson(answer);
      else tellIngest(session, answer);
    });

  zoom
    .command('ignored')
    .summary('what was left with Zoom, and why')
    .description(
      'Lists what was left with Zoom, the newest first, and why; `sluice zoom bring ID` brings one of it.',
    )
    .option('--limit <n>', 'how many', '100')
    .addHelpText('after', '\nExample:\n  sluice zoom ignored')
    .action(async (options: { limit: string }, command: Command) => {
      const session = openSession(io, command);
      const limit = Number(options.limit);
      if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
        throw usageFailure(`--limit: ${options.limit} is no number from 1 to 1000.`);
      }
      const answer = await session.api.get(`/api/zoom/ignored?limit=${limit}`, ignoredShape, session.signal);
      if (session.isJson) session.printJson(answer);
      else if (answer.ignored.length === 0) session.print('Nothing was left with Zoom.');
      else session.print(...renderTable(answer.ignored, LEFT_COLUMNS, session));
    });

  zoom
    .command('bring')
    .summary('bring home what was left with Zoom')
    .description('Brings home after all what was left with Zoom, though a rule or a setting says otherwise.')
    .argument('<ids...>', 'as `sluice zoom ignored` shows them')
    .addHelpText('after', '\nExample:\n  sluice zoom bring left_5f0c2a…')
    .action(async (ids: string[], _options: object, command: Command) => {
      const session = openSession(io, command);
      const brought: z.output<typeof broughtShape>[] = [];
      for (const id of ids) {
        try {
          const path = `/api/zoom/ignored/${encodeURIComponent(id)}/bring`;
          brought.push(await session.api.post(path, {}, broughtShape, session.signal));
        } catch (error) {
          session.signal.throwIfAborted();
          if (error instanceof Failure && error.exitCode === EXIT.unreachable) throw error;
          session.complain(troubleOf(error), id);
          io.setExitCode(EXIT.failed);
        }
      }
      if (session.isJson) session.printJson({ recordings: brought });
      else for (const { id, state } of brought) session.print(`${id}  ${state}`);
    });

  zoom
    .command('backfill')
    .summary('bring home what was recorded in some days')
    .description('Brings home what was recorded in some days and is not here.')
    .requiredOption('--from <day>', 'the first day, such as 2026-01-31 (UTC)')
    .option('--to <day>', 'the last day; else today')
    .option('--host <host>', 'only of this host: an e-mail address or id')
    .option('--account <id>', 'only of this account, where there are several')
    .option('--dry-run', 'say what would come, and bring nothing')
    .option('-y, --yes', 'do not ask before it begins')
    .addHelpText('after', BACKFILL_EXAMPLES)
    .action(async (options: BackfillOptions, command: Command) => {
      const session = openSession(io, command);
      for (const [name, day] of [['--from', options.from] as const, ['--to', options.to] as const]) {
        if (day !== undefined && !z.iso.date().safeParse(day).success) {
          throw usageFailure(`${name}: ${day} is no day.`, 'Write 2026-01-31.');
        }
      }
      await backfill(io, session, options);
    });
}

function tellIngest(session: Session, answer: z.output<typeof ingestShape>): void {
  session.print(`${printable(answer.topic)}, ${answer.start_time ?? 'time unknown'}`);
  if (answer.accepted.length > 0) {
    session.print(
      ...renderTable(
        answer.accepted,
        [
          { heading: 'id', text: ({ id }) => id },
          { heading: 'state', text: ({ state }) => state, style: ({ state }) => STATE_STYLES[state] },
          { heading: '', text: ({ duplicate }) => (duplicate ? 'known already' : 'added') },
        ],
        session,
      ),
    );
  } else {
    session.print('Nothing of it is wanted:');
  }
  for (const { recording_type: type, why } of answer.ignored)
    session.print(`left  ${printable(type)}: ${printable(why)}`);
}

/** Counts, asks, and brings: the same search twice, first dry. */
async function backfill(io: Io, session: Session, options: BackfillOptions): Promise<void> {
  const { missing, untold } = await search(session, options, { isDryRun: true, verb: 'Looking' });
  const recordings = missing.flatMap((meeting) => meeting.recordings);
  const bytes = recordings.reduce((sum, each) => sum + (each.bytes ?? 0), 0);
  const total = `${recordings.length} recordings of ${missing.length} meetings, ${byteSize(bytes)}`;

  const isBringing = options.dryRun !== true && recordings.length > 0;
  if (!session.isJson) {
    if (missing.length > 0) session.print(...renderTable(missing, COLUMNS, session));
    for (const { host, why } of untold) {
      session.print(
        `Zoom does not tell the recordings of ${printable(host ?? 'somebody')}: ${printable(why)}`,
      );
    }
    session.print(recordings.length === 0 ? 'Nothing is missing.' : `Missing here: ${total}.`);
  }
  if (
    isBringing &&
    options.yes !== true &&
    !(await confirm(io, session, `Bring home ${total}?`, 'Add --yes, or --dry-run to look only.'))
  ) {
    io.setExitCode(EXIT.failed);
    return;
  }
  const brought = isBringing
    ? (await search(session, options, { isDryRun: false, verb: 'Bringing' })).missing
    : [];
  if (session.isJson) {
    session.printJson({
      dry_run: options.dryRun === true,
      recordings: recordings.length,
      bytes,
      missing,
      untold,
      brought,
    });
  } else if (isBringing) {
    const count = brought.flatMap((meeting) => meeting.recordings).length;
    session.print(`${count} recordings are in line, behind all that is new.`);
  }
}

const COLUMNS = [
  { heading: 'began', text: ({ start_time: start }: Missing) => start ?? '' },
  { heading: 'host', text: ({ host_email: host }: Missing) => host ?? '', minWidth: 8 },
  { heading: 'recordings', text: (row: Missing) => String(row.recordings.length), align: 'right' as const },
  {
    heading: 'size',
    text: (row: Missing) => byteSize(row.recordings.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0)),
    align: 'right' as const,
  },
  { heading: 'topic', text: ({ topic }: Missing) => topic, minWidth: 8 },
];

async function search(
  session: Session,
  { from, to, host, account }: BackfillOptions,
  { isDryRun, verb }: { isDryRun: boolean; verb: string },
): Promise<{ missing: Missing[]; untold: Untold[] }> {
  const missing: Missing[] = [];
  const untold: Untold[] = [];
  const block = session.isLive ? createLiveBlock(session.screen) : undefined;
  let seen = 0;
  let cursor: string | null = null;
  try {
    do {
      const body = { from, to, host, account, dry_run: isDryRun, ...(cursor === null ? {} : { cursor }) };
      const step: z.output<typeof stepShape> = await session.api.post(
        '/api/zoom/backfill',
        body,
        stepShape,
        session.signal,
      );
      missing.push(...step.missing);
      untold.push(...step.untold);
      seen += step.meetings_seen;
      cursor = step.next_cursor;
      const line = `${verb}: ${step.from} to ${step.to}, ${seen} meetings seen, ${missing.length} missing here`;
      block?.draw([clip(line, session.screen.columns)]);
    } while (cursor !== null);
  } finally {
    block?.end();
  }
  return { missing, untold };
}
