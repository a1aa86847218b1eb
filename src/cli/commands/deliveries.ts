import type { Command } from 'commander';
import { z } from 'zod';
import type { Io } from '../io.ts';
import { openSession } from '../session.ts';
import { renderTable } from '../table.ts';
import { localTime } from '../times.ts';

const listShape = z.object({
  deliveries: z.array(
    z.looseObject({
      id: z.string(),
      type: z.string(),
      state: z.string(),
      attempts: z.number(),
      created_at: z.string(),
      recording_id: z.string(),
      title: z.string(),
      last_error: z.looseObject({ message: z.string() }).nullable(),
    }),
  ),
});

const EXAMPLES = `
What was sent and answered, attempt by attempt: the page of the recording, or GET /api/deliveries/ID.

Examples:
  sluice deliveries --given-up
  sluice deliveries --json | jq '.deliveries[].id'`;

/** `sluice deliveries`: what the website was told, of all recordings. */
export function addDeliveriesCommand(program: Command, io: Io): void {
  program
    .command('deliveries')
    .summary('what the website was told, and what was given up')
    .description('Lists announcements to the website of all recordings, the newest first.')
    .option('--given-up', 'only those that were given up; `sluice replay --given-up` sends them again')
    .addHelpText('after', EXAMPLES)
    .action(async (options: { givenUp?: boolean }, command: Command) => {
      const session = openSession(io, command);
      const query = options.givenUp ? '?state=failed&limit=200' : '?limit=200';
      const answer = await session.api.get(`/api/deliveries${query}`, listShape, session.signal);
      if (session.isJson) session.printJson(answer);
      else if (answer.deliveries.length === 0)
        session.print(options.givenUp ? 'Nothing was given up.' : 'The website was told nothing yet.');
      else
        session.print(
          ...renderTable(
            answer.deliveries,
            [
              { heading: 'id', text: ({ id }) => id },
              { heading: 'made', text: ({ created_at: at }) => localTime(at) },
              { heading: 'type', text: ({ type }) => type },
              { heading: 'state', text: ({ state }) => (state === 'failed' ? 'given up' : state) },
              { heading: 'tries', text: ({ attempts }) => String(attempts), align: 'right' },
              { heading: 'recording', text: ({ title }) => title, minWidth: 8 },
              { heading: 'why', text: ({ last_error: error }) => error?.message ?? '', minWidth: 8 },
            ],
            session,
          ),
        );
    });
}
