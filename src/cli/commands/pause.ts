import type { Command } from 'commander';
import { z } from 'zod';
import type { Io } from '../io.ts';
import { openSession } from '../session.ts';

/** `sluice pause`: let no recording begin to move; the doors stay open. */
export function addPauseCommand(program: Command, io: Io): void {
  program
    .command('pause')
    .summary('let no recording begin to move; the doors stay open')
    .description('Lets no recording begin to move. What moves goes on to its end, and the doors stay open.')
    .addHelpText('after', '\nExample:\n  sluice pause')
    .action(async (_options: object, command: Command) => {
      const session = openSession(io, command);
      const shape = z.object({ paused: z.boolean() });
      const answer = await session.api.post('/api/line/pause', {}, shape, session.signal);
      if (session.isJson) session.printJson(answer);
      else session.print('The line is paused.');
    });
}
