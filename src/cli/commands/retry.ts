import type { Command } from 'commander';
import { z } from 'zod';
import { ERROR_CATALOGUE } from '../../domain/error-catalogue.ts';
import { actOnRecordings } from '../act-on-recordings.ts';
import { recordingListShape } from '../api-shapes.ts';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { RECORDINGS_ARGUMENT } from '../recording-id.ts';
import { openSession, type Session } from '../session.ts';

const EXAMPLES = `
Examples:
  sluice retry rec_8821bfdde5e03edd33995107
  sluice retry --failed
  sluice retry --code DOWNLOAD_NOT_MEDIA`;

const retriedShape = z.looseObject({ retried: z.number(), retry_can_help: z.boolean() });

/** `sluice retry ID…`: recordings go on at once, their attempts counted anew. */
export function addRetryCommand(program: Command, io: Io): void {
  program
    .command('retry')
    .summary('let recordings go on at once, their attempts counted anew')
    .description(
      'Lets recordings go on at once, their attempts counted anew: failed ones, backing off, set aside or cancelled.',
    )
    .argument('[ids...]', RECORDINGS_ARGUMENT)
    .option('--failed', 'all that have failed')
    .option('--code <code>', 'all that have failed with this code, as `sluice show` names it')
    .addHelpText('after', EXAMPLES)
    .action(async (ids: string[], options: { failed?: boolean; code?: string }, command: Command) => {
      const session = openSession(io, command);
      const named = [ids.length > 0, options.failed, options.code !== undefined].filter(Boolean);
      if (named.length !== 1) throw usageFailure('Name ids, or --failed, or --code.');
      if (options.code !== undefined) return await retryCode(session, options.code);
      const wanted = options.failed ? await failedIds(session) : ids;
      if (wanted.length === 0 && !session.isJson) session.print('Nothing has failed.');
      else await actOnRecordings(io, session, wanted, { action: 'retry' });
    });
}

/** Lets all go on that have failed with a code, and says how many they are. */
async function retryCode(session: Session, code: string): Promise<void> {
  if (!Object.hasOwn(ERROR_CATALOGUE, code)) {
    throw usageFailure(`--code: there is no ${code}; docs/errors.md has all.`);
  }
  const body = { state: 'failed', code };
  const answer = await session.api.post('/api/recordings/retry', body, retriedShape, session.signal);
  if (session.isJson) return session.printJson(answer);
  const { retried, retry_can_help } = answer;
  if (retried === 0) return session.print(`Nothing has failed with ${code}.`);
  session.print(retried === 1 ? '1 recording goes on.' : `${retried} recordings go on.`);
  if (!retry_can_help) session.print(`With ${code} trying again hardly helps: sluice show says what does.`);
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
