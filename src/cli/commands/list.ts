import type { Command } from 'commander';
import { byteSize } from '../../lib/byte-size.ts';
import { type Recording, recordingListShape } from '../api-shapes.ts';
import { EXIT } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { STATE_STYLES } from '../paint.ts';
import { printTroubles } from '../print-troubles.ts';
import { openSession, type Session } from '../session.ts';
import { type Column, renderTable } from '../table.ts';
import { localTime } from '../times.ts';

const PAGE = 200;

interface ListOptions {
  readonly state?: string;
  readonly source?: string;
  readonly q?: string;
  readonly limit: string;
  readonly all?: boolean;
  readonly check?: boolean;
}

const EXAMPLES = `
States: waiting, moving, backing-off, set-aside, cancelling, deleting, done, failed,
cancelled, deleted.

Examples:
  sluice list
  sluice list --state failed,backing-off
  sluice list --q algebra --source manual --limit 10
  sluice list --all --json | jq '.recordings[].title'
  sluice list --state failed --check || echo "somebody has to look"`;

const COLUMNS: readonly Column<Recording>[] = [
  { heading: 'id', text: ({ id }) => id },
  { heading: 'source', text: ({ source }) => source },
  {
    heading: 'state',
    text: ({ state, position }) => (position === null ? state : `${state} (${position})`),
    style: ({ state }) => STATE_STYLES[state],
  },
  { heading: 'size', text: ({ bytes }) => (bytes === null ? '' : byteSize(bytes)), align: 'right' },
  { heading: 'accepted', text: ({ accepted_at }) => localTime(accepted_at) },
  { heading: 'title', text: ({ title }) => title, minWidth: 12 },
  { heading: 'trouble', text: troubleText, style: ({ state }) => STATE_STYLES[state], minWidth: 8 },
];

/** `sluice list`: recordings, the newest first. */
export function addListCommand(program: Command, io: Io): void {
  program
    .command('list')
    .summary('recordings, the newest first')
    .description('Lists recordings, the newest first.')
    .option('--state <states>', 'only those in one of these states, with commas between')
    .option('--source <source>', 'only those of zoom, manual or custom')
    .option('--q <text>', 'only those with this in title, ace_id, meeting id or id')
    .option('--limit <n>', 'as many at most', '50')
    .option('--all', 'all there are')
    .option('--check', 'end with exit code 4 if one of them has failed')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ListOptions, command: Command) => {
      const session = openSession(io, command);
      if (!/^[1-9]\d{0,8}$/.test(options.limit))
        throw usageFailure(`--limit: ${options.limit} is no number.`);
      const limit = options.all ? Number.POSITIVE_INFINITY : Number(options.limit);
      const failed = session.isJson
        ? await listForPrograms(session, options, limit)
        : await listForPeople(session, options, limit);
      if (options.check && failed > 0) io.setExitCode(EXIT.attention);
    });
}

/** Prints page by page, so that it does not matter how many there are; returns how many have failed. */
async function listForPrograms(session: Session, options: ListOptions, limit: number): Promise<number> {
  let failed = 0;
  let before = '{"recordings":[';
  let isMore = false;
  for await (const page of pages(session, options, limit)) {
    for (const recording of page.recordings) {
      session.write(`${before}${JSON.stringify(recording)}`);
      before = ',';
      if (recording.state === 'failed') failed += 1;
    }
    isMore = page.isMore;
  }
  session.write(`${before === ',' ? '' : before}],"more":${isMore}}\n`);
  return failed;
}

async function listForPeople(session: Session, options: ListOptions, limit: number): Promise<number> {
  const recordings: Recording[] = [];
  let isMore = false;
  for await (const page of pages(session, options, limit)) {
    recordings.push(...page.recordings);
    isMore = page.isMore;
  }
  if (recordings.length === 0) session.print('No recordings.');
  else session.print(...renderTable(recordings, usedColumns(recordings), session));
  await printTroubles(session);
  if (isMore) session.print(session.paint('dim', `There are more: --limit ${limit * 2}, or --all.`));
  return recordings.filter(({ state }) => state === 'failed').length;
}

function usedColumns(recordings: readonly Recording[]): readonly Column<Recording>[] {
  const isTroubled = recordings.some((recording) => troubleText(recording) !== '');
  return isTroubled ? COLUMNS : COLUMNS.filter(({ heading }) => heading !== 'trouble');
}

function troubleText({ state, last_error: error }: Recording): string {
  return error === null || state === 'done' || state === 'cancelled' || state === 'deleted'
    ? ''
    : error.message;
}

async function* pages(session: Session, { state, source, q }: ListOptions, limit: number) {
  const filter = Object.entries({ state, source, q }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  let left = limit;
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams(filter);
    query.set('limit', String(Math.min(PAGE, left)));
    if (cursor !== null) query.set('cursor', cursor);
    const page: { recordings: Recording[]; next_cursor: string | null } = await session.api.get(
      `/api/recordings?${query}`,
      recordingListShape,
      session.signal,
    );
    left -= page.recordings.length;
    cursor = page.next_cursor;
    yield { recordings: page.recordings, isMore: cursor !== null };
  } while (cursor !== null && left > 0);
}
