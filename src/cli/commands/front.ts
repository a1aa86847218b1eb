import type { Command } from 'commander';
import { actOnRecordings } from '../act-on-recordings.ts';
import type { Io } from '../io.ts';
import { RECORDINGS_ARGUMENT } from '../recording-id.ts';
import { openSession } from '../session.ts';

/** `sluice front ID…`: let recordings go before all others that wait. */
export function addFrontCommand(program: Command, io: Io): void {
  program
    .command('front')
    .summary('let recordings go before all others that wait')
    .description('Lets recordings go before all others that wait; of several, the last one named goes first.')
    .argument('<ids...>', RECORDINGS_ARGUMENT)
    .addHelpText('after', '\nExample:\n  sluice front rec_8821bfdde5e03edd33995107')
    .action(async (ids: string[], _options: object, command: Command) => {
      await actOnRecordings(io, openSession(io, command), ids, { action: 'move-to-front' });
    });
}
