import { type Command, InvalidArgumentError, Option } from 'commander';
import { SOURCES, STATES } from '../../domain/recording.ts';
import { byteSize } from '../../lib/byte-size.ts';
import { type Recording, recordingListShape, statusShape } from '../api-shapes.ts';
import { EXIT } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { STATE_STYLES } from '../paint.ts';
import { stateText, titleText } from '../recording-text.ts';
import { openSession, type Session } from '../session.ts';
import { type Column, renderTable } from '../table.ts';
import { localTime } from '../times.ts';
import { troubleLines } from '../troubles.ts';
import { listUploads } from '../uploads.ts';

const PAGE = 200;

/** In characters; the server takes no more. */
const MAX_SEARCH_LENGTH = 200;

interface ListOptions {
  readonly state?: string;
  readonly source?: string;
  readonly q?: string;
  readonly limit: string;
  readonly all?: boolean;
  readonly check?: boolean;
  readonly uploads?: boolean;
}

/** What is asked of the server, page by page. */
type Filter = Readonly<Partial<Record<'state' | 'source' | 'q', string>>>;

const EXAMPLES = `
A search finds what has all the words, in any order, with or without accents, in its title, topic, host, file name or
ids; words in quotes as they stand.

Examples:
  sluice list
  sluice list algebra anna@academy.example
  sluice list --state failed,backing-off
  sluice list '"linear algebra"' --source manual --limit 10
  sluice list --uploads
  sluice list --all --json | jq '.recordings[].title'
  sluice list --state failed --check || echo "somebody has to look"`;

const COLUMNS: readonly Column<Recording>[] = [
  { heading: 'id', text: ({ id }) => id },
  { heading: 'source', text: ({ source }) => source },
  {
    heading: 'state',
    text: stateText,
    style: ({ state }) => STATE_STYLES[state],
  },
  { heading: 'size', text: ({ bytes }) => (bytes === null ? '' : byteSize(bytes)), align: 'right' },
  { heading: 'accepted', text: ({ accepted_at }) => localTime(accepted_at) },
  { heading: 'title', text: titleText, minWidth: 12 },
  { heading: 'trouble', text: troubleText, style: ({ state }) => STATE_STYLES[state], minWidth: 8 },
];

/** `sluice list`: recordings, the newest first. */
export function addListCommand(program: Command, io: Io): void {
  program
    .command('list')
    .summary('recordings, the newest first')
    .description('Lists recordings, the newest first.')
    .argument('[words...]', 'only those that have all of these in what they are called')
    .addOption(
      new Option('--state <states>', 'only those in one of these states, with commas between')
        .choices(STATES)
        .argParser(readStates),
    )
    .addOption(new Option('--source <source>', 'only those that came in so').choices(SOURCES))
    .option('--q <words>', 'the same as words without an option')
    .option('--limit <n>', 'as many at most', '50')
    .option('--all', 'all there are')
    .option('--uploads', 'unfinished uploads of tutors instead, which are no recordings yet')
    .option('--check', 'end with exit code 4 if one of them has failed')
    .addHelpText('after', EXAMPLES)
    .action(async (words: string[], options: ListOptions, command: Command) => {
      const session = openSession(io, command);
      if (options.uploads) {
        if (words.length > 0 || ['state', 'source', 'q', 'check'].some((name) => name in options)) {
          throw usageFailure('--uploads lists no recordings: leave out what chooses among these.');
        }
        return await listUploads(session);
      }
      if (!/^[1-9]\d{0,8}$/.test(options.limit))
        throw usageFailure(`--limit: ${options.limit} is no number.`);
      const limit = options.all ? Number.POSITIVE_INFINITY : Number(options.limit);
      const q = [...words, options.q ?? ''].join(' ').trim();
      if (q.length > MAX_SEARCH_LENGTH) throw usageFailure('These are too many words to search for.');
      const filter = { state: options.state, source: options.source, q: q || undefined };
      const failed = session.isJson
        ? await listForPrograms(session, filter, limit)
        : await listForPeople(session, filter, limit);
      if (options.check && failed > 0) io.setExitCode(EXIT.attention);
    });
}

/** @throws InvalidArgumentError, which names the states that there are */
function readStates(text: string): string {
  const states = text.split(',').map((state) => state.trim());
  const unknown = states.find((state) => !STATES.some((known) => known === state));
  if (unknown === undefined) return states.join(',');
  throw new InvalidArgumentError(`There is no state ${unknown}. The states are ${STATES.join(', ')}.`);
}

/** Prints page by page, so that it does not matter how many there are; returns how many have failed. */
async function listForPrograms(session: Session, wanted: Filter, limit: number): Promise<number> {
  let failed = 0;
  let before = '{"recordings":[';
  let isMore = false;
  for await (const page of pages(session, wanted, limit)) {
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

async function listForPeople(session: Session, wanted: Filter, limit: number): Promise<number> {
  const recordings: Recording[] = [];
  let isMore = false;
  for await (const page of pages(session, wanted, limit)) {
    recordings.push(...page.recordings);
    isMore = page.isMore;
  }
  if (recordings.length === 0) session.print('No recordings.');
  else session.print(...renderTable(recordings, usedColumns(recordings), session));
  if (isMore) session.remark(['dim', `There are more: --limit ${limit * 2}, or --all.`]);
  const status = await session.api.get('/api/status', statusShape, session.signal);
  session.remark(...troubleLines(status));
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

async function* pages(session: Session, wanted: Filter, limit: number) {
  const filter = Object.entries(wanted).filter((entry): entry is [string, string] => entry[1] !== undefined);
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
