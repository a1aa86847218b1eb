import type { Command } from 'commander';
import { z } from 'zod';
import { givenUpShape } from '../api-shapes.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, troubleOf, usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { openSession, type Session } from '../session.ts';

const EXAMPLES = `
Examples:
  sluice replay --given-up
  sluice replay msg_0a1b2c3d4e5f60718293a4b5c6d7e8f9`;

const replayed = z.looseObject({ id: z.string(), state: z.string() });

/** `sluice replay ID…`: announcements are sent again, with their ids and bodies. */
export function addReplayCommand(program: Command, io: Io): void {
  program
    .command('replay')
    .summary('send announcements to the website again')
    .description('Sends announcements to the website again, under the same ids, with all their attempts.')
    .argument('[ids...]', 'of announcements, as `sluice show --json` has them')
    .option('--given-up', 'all that were given up')
    .addHelpText('after', EXAMPLES)
    .action(async (ids: string[], options: { givenUp?: boolean }, command: Command) => {
      const session = openSession(io, command);
      if (options.givenUp ? ids.length > 0 : ids.length === 0) throw usageFailure('Name ids, or --given-up.');
      const sent: string[] = [];
      let isRefused = false;
      for await (const id of options.givenUp ? givenUpIds(session) : ids) {
        try {
          const path = `/api/deliveries/${encodeURIComponent(id)}/replay`;
          sent.push((await session.api.post(path, {}, replayed, session.signal)).id);
        } catch (error) {
          session.signal.throwIfAborted();
          if (error instanceof Failure && error.exitCode === EXIT.unreachable) throw error;
          session.complain(troubleOf(error), id);
          isRefused = true;
        }
      }
      if (session.isJson) session.printJson({ replayed: sent });
      else if (sent.length === 0)
        session.print(isRefused ? 'Nothing is sent again.' : 'Nothing was given up.');
      else
        session.print(
          `${sent.length === 1 ? '1 announcement is' : `${sent.length} announcements are`} sent again.`,
        );
      if (isRefused) io.setExitCode(EXIT.failed);
    });
}

/** All that were given up, a page at a time: what is sent again is in no list of them any more. */
async function* givenUpIds({ api, signal }: Session): AsyncGenerator<string> {
  const seen = new Set<string>();
  for (;;) {
    const { deliveries } = await api.get('/api/deliveries/given-up?limit=200', givenUpShape, signal);
    const fresh = deliveries.filter(({ id }) => !seen.has(id));
    if (fresh.length === 0) return;
    for (const { id } of fresh) {
      seen.add(id);
      yield id;
    }
  }
}
