import type { Command } from 'commander';
import { z } from 'zod';
import type { Io } from '../io.ts';
import { openSession } from '../session.ts';

/** `sluice resume`: let recordings move again. */
export function addResumeCommand(program: Command, io: Io): void {
  program
    .command('resume')
    .summary('let recordings move again')
    .description('Lets recordings move again.')
    .addHelpText('after', '\nExample:\n  sluice resume')
    .action(async (_options: object, command: Command) => {
      const session = openSession(io, command);
      const shape = z.object({ paused: z.boolean() });
      const answer = await session.api.post('/api/line/resume', {}, shape, session.signal);
      if (session.isJson) session.printJson(answer);
      else session.print('The line goes on.');
    });
}
