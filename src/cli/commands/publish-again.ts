import type { Command } from 'commander';
import { actOnRecordings } from '../act-on-recordings.ts';
import type { Io } from '../io.ts';
import { RECORDINGS_ARGUMENT } from '../recording-id.ts';
import { openSession } from '../session.ts';

/** `sluice publish-again ID…`: new videos of what is archived. */
export function addPublishAgainCommand(program: Command, io: Io): void {
  program
    .command('publish-again')
    .summary('make new videos of what is archived')
    .description(
      'Makes new videos of recordings that are done, from their archived files. Each old video goes once the new one can be watched; `sluice cancel` gives it up.',
    )
    .argument('<ids...>', RECORDINGS_ARGUMENT)
    .addHelpText('after', '\nExample:\n  sluice publish-again rec_8821bfdde5e03edd33995107')
    .action(async (ids: string[], _options: object, command: Command) => {
      await actOnRecordings(io, openSession(io, command), ids, { action: 'publish-again' });
    });
}
