import type { Command } from 'commander';
import { actOnRecordings } from '../act-on-recordings.ts';
import type { Io } from '../io.ts';
import { RECORDING_ARGUMENT } from '../recording-id.ts';
import { openSession } from '../session.ts';

/** `sluice rename ID TITLE`: another title, here, with its publishers and on the website. */
export function addRenameCommand(program: Command, io: Io): void {
  program
    .command('rename')
    .summary('give a recording another title')
    .description(
      'Gives a recording another title: here, with its publishers and on the website. Its file in the archive keeps its name.',
    )
    .argument('<id>', RECORDING_ARGUMENT)
    .argument('<title>', 'the new one')
    .addHelpText('after', '\nExample:\n  sluice rename rec_8821bfdde5e03edd33995107 "Algebra 1"')
    .action(async (id: string, title: string, _options: object, command: Command) => {
      await actOnRecordings(io, openSession(io, command), [id], { action: 'rename', body: { title } });
    });
}
