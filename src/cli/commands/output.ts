import type { Command } from 'commander';
import { recordingShape } from '../api-shapes.ts';
import type { Io } from '../io.ts';
import { askAbout, RECORDING_ARGUMENT } from '../recording-id.ts';
import { stateText, titleText } from '../recording-text.ts';
import { openSession } from '../session.ts';
import { printable } from '../text-width.ts';

const STEP_ARGUMENT = 'the step that makes it, as `sluice show` names it';

const DEEDS = {
  retry: {
    summary: 'make one after all that has failed or was revoked',
    description:
      'Makes one output after all that has failed or was revoked; a recording that is done goes on for that, from its archived file.',
    done: 'is made',
  },
  revoke: {
    summary: 'stop one, and remove what was made of it',
    description: 'Stops one output, and removes what was made of it; the others go on.',
    done: 'is revoked',
  },
} as const;

/** `sluice output retry|revoke ID STEP`: what is done with one output of a recording. */
export function addOutputCommand(program: Command, io: Io): void {
  const output = program
    .command('output')
    .summary('make one output of a recording after all, or revoke it')
    .description('Makes one output of a recording after all, or revokes it.');
  for (const [deed, { summary, description, done }] of Object.entries(DEEDS)) {
    output
      .command(deed)
      .summary(summary)
      .description(description)
      .argument('<id>', RECORDING_ARGUMENT)
      .argument('<step>', STEP_ARGUMENT)
      .addHelpText('after', `\nExample:\n  sluice output ${deed} rec_8821bfdde5e03edd33995107 poster`)
      .action(async (id: string, step: string, _options: object, command: Command) => {
        const session = openSession(io, command);
        const recording = await askAbout(session, id, (path) => {
          const address = `${path}/outputs/${encodeURIComponent(step)}/${deed}`;
          return session.api.post(address, {}, recordingShape, session.signal);
        });
        if (session.isJson) session.printJson(recording);
        else {
          const title = printable(titleText(recording));
          session.print(`${printable(step)} ${done}. ${title}: ${stateText(recording)}`);
        }
      });
  }
}
