import type { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { idOf, RECORDING_ARGUMENT } from '../recording-id.ts';
import { openSession } from '../session.ts';
import { createJsonView } from '../watch/json-view.ts';
import { createLiveView } from '../watch/live-view.ts';
import { createPlainView } from '../watch/plain-view.ts';
import { watch } from '../watch/watch.ts';

const NOTES = `
On a terminal with bars that move; else, and with --json, one line for each thing that happens. A connection that is
lost is made again, and nothing that happened meanwhile is left out.

Exit code with an id: 0 done, 1 failed or cancelled, 4 set aside. Without one it runs until Ctrl+C, and ends with 0.

Examples:
  sluice watch
  sluice watch rec_8821bfdde5e03edd33995107 && echo "it is home"
  sluice watch lesson-4711
  sluice watch --json | jq -c 'select(.type == "recording.failed")'`;

/** `sluice watch [ID]`: what happens, as it happens. */
export function addWatchCommand(program: Command, io: Io): void {
  program
    .command('watch')
    .summary('look on, with bars; with an id until that one has ended')
    .description('Shows what happens, as it happens: all of it, or one recording until it has ended.')
    .argument('[id]', RECORDING_ARGUMENT)
    .addHelpText('after', NOTES)
    .action(async (id: string | undefined, _options: object, command: Command) => {
      const session = openSession(io, command);
      const createView = session.isLive ? createLiveView : createPlainView;
      const view = session.isJson ? createJsonView(session) : createView(session, id && idOf(id));
      try {
        io.setExitCode(await watch(session, id, view));
      } catch (error) {
        if (!session.signal.aborted) throw error;
        io.setExitCode(id === undefined ? EXIT.ok : EXIT.interrupted);
      } finally {
        view.end();
      }
    });
}
