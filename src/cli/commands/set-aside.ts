import type { Command } from 'commander';
import { actOnRecordings } from '../act-on-recordings.ts';
import type { Io } from '../io.ts';
import { RECORDINGS_ARGUMENT } from '../recording-id.ts';
import { openSession } from '../session.ts';

/** `sluice set-aside ID…`: take recordings out of the line, with all they have reached. */
export function addSetAsideCommand(program: Command, io: Io): void {
  program
    .command('set-aside')
    .summary('take recordings out of the line, with all they have reached')
    .description('Takes recordings out of the line with all that they have reached, until they are retried.')
    .argument('<ids...>', RECORDINGS_ARGUMENT)
    .addHelpText('after', '\nExample:\n  sluice set-aside rec_8821bfdde5e03edd33995107')
    .action(async (ids: string[], _options: object, command: Command) => {
      await actOnRecordings(io, openSession(io, command), ids, { action: 'set-aside' });
    });
}
