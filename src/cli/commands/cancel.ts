import type { Command } from 'commander';
import { actOnRecordings } from '../act-on-recordings.ts';
import type { Io } from '../io.ts';
import { RECORDINGS_ARGUMENT } from '../recording-id.ts';
import { openSession } from '../session.ts';

/** `sluice cancel ID…`: stop recordings for good, and take back what they have made. */
export function addCancelCommand(program: Command, io: Io): void {
  program
    .command('cancel')
    .summary('stop recordings for good, and take back what they have made')
    .description(
      'Stops recordings for good and takes back what they have archived and published. `sluice retry` begins anew.',
    )
    .argument('<ids...>', RECORDINGS_ARGUMENT)
    .addHelpText('after', '\nExample:\n  sluice cancel rec_8821bfdde5e03edd33995107')
    .action(async (ids: string[], _options: object, command: Command) => {
      await actOnRecordings(io, openSession(io, command), ids, { action: 'cancel' });
    });
}
