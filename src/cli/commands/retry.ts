import type { Command } from 'commander';
import { actOnRecordings } from '../act-on-recordings.ts';
import { recordingListShape } from '../api-shapes.ts';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { openSession, type Session } from '../session.ts';

const EXAMPLES = `
Examples:
  sluice retry rec_8821bfdde5e03edd33995107
  sluice retry --failed`;

/** `sluice retry ID…`: recordings go on at once, their attempts counted anew. */
export function addRetryCommand(program: Command, io: Io): void {
  program
    .command('retry')
    .summary('let recordings go on at once, their attempts counted anew')
    .description(
      'Lets recordings go on at once, their attempts counted anew: failed ones, backing off, set aside or cancelled.',
    )
    .argument('[ids...]', 'as `sluice list` shows them')
    .option('--failed', 'all that have failed')
    .addHelpText('after', EXAMPLES)
    .action(async (ids: string[], options: { failed?: boolean }, command: Command) => {
      const session = openSession(io, command);
      if (options.failed ? ids.length > 0 : ids.length === 0) throw usageFailure('Name ids, or --failed.');
      const wanted = options.failed ? await failedIds(session) : ids;
      if (wanted.length === 0 && !session.isJson) session.print('Nothing has failed.');
      else await actOnRecordings(io, session, wanted, { action: 'retry' });
    });
}

/** All that have failed, those first that came first. */
async function failedIds({ api, signal }: Session): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null = null;
  do {
    const query = new URLSearchParams({ state: 'failed', limit: '200' });
    if (cursor !== null) query.set('cursor', cursor);
    const page: { recordings: { id: string }[]; next_cursor: string | null } = await api.get(
      `/api/recordings?${query}`,
      recordingListShape,
      signal,
    );
    ids.push(...page.recordings.map(({ id }) => id));
    cursor = page.next_cursor;
  } while (cursor !== null);
  return ids.reverse();
}
