import type { Command } from 'commander';
import { z } from 'zod';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { openSession, type Session } from '../session.ts';
import { renderTable } from '../table.ts';
import { printable } from '../text-width.ts';
import { localTime } from '../times.ts';

const entryShape = z.looseObject({
  last_at: z.string(),
  times: z.number(),
  who: z.string().nullable(),
  caller: z.string(),
  act: z.string(),
  subject: z.string().nullable(),
  outcome: z.string(),
});
type Entry = z.output<typeof entryShape>;

const pageShape = z.object({ entries: z.array(entryShape), next_cursor: z.string().nullable() });

/** The most that the server tells at once. */
const PAGE = 200;

const EXAMPLES = `
Examples:
  sluice audit
  sluice audit --who Anna --limit 200
  sluice audit --json | jq '.entries[] | select(.outcome == "refused")'`;

/** `sluice audit`: who has done what. */
export function addAuditCommand(program: Command, io: Io): void {
  program
    .command('audit')
    .summary('who has done what')
    .description(
      'Lists what people and programs have asked for, the newest first; what was refused is counted.',
    )
    .option('--who <name>', 'only what this one has done')
    .option('--limit <number>', 'how many lines', '50')
    .addHelpText('after', EXAMPLES)
    .action(async (options: { who?: string; limit: string }, command: Command) => {
      const session = openSession(io, command);
      const limit = /^[1-9]\d{0,5}$/.test(options.limit) ? Number(options.limit) : 0;
      if (limit === 0) throw usageFailure(`--limit: ${options.limit} is no number from 1 to 999999.`);
      const entries = await read(session, limit, options.who);
      if (session.isJson) session.printJson({ entries });
      else if (entries.length === 0) session.print(noneBy(options.who));
      else session.print(...table(entries, session));
    });
}

function noneBy(who: string | undefined): string {
  return who === undefined
    ? 'Nobody has done anything yet.'
    : `Nothing is known that ${printable(who)} has done.`;
}

async function read({ api, signal }: Session, limit: number, who: string | undefined): Promise<Entry[]> {
  const entries: Entry[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ limit: String(Math.min(PAGE, limit - entries.length)) });
    if (who !== undefined) query.set('who', who);
    if (cursor !== null) query.set('cursor', cursor);
    const page: z.output<typeof pageShape> = await api.get(`/api/audit?${query}`, pageShape, signal);
    entries.push(...page.entries);
    cursor = page.next_cursor;
  } while (cursor !== null && entries.length < limit);
  return entries;
}

function table(entries: readonly Entry[], session: Session): string[] {
  return renderTable(
    entries,
    [
      { heading: 'at', text: ({ last_at: at }) => localTime(at) },
      { heading: 'who', text: ({ who }) => who ?? 'nobody', minWidth: 8 },
      { heading: 'from', text: ({ caller }) => caller, minWidth: 9 },
      { heading: 'what', text: wordsOf, minWidth: 12 },
      { heading: 'of', text: ({ subject }) => subject ?? '', minWidth: 8 },
      {
        heading: 'outcome',
        text: ({ outcome, times }) => (times === 1 ? outcome : `${outcome}, ${times} times`),
        style: ({ outcome }) => (outcome === 'refused' ? 'yellow' : undefined),
      },
    ],
    session,
  );
}

/** `createAccessToken` is "create access token". */
function wordsOf({ act }: Entry): string {
  return act.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
