import type { Command } from 'commander';
import { actOnRecordings } from '../act-on-recordings.ts';
import { recordingShape } from '../api-shapes.ts';
import { confirm } from '../confirm.ts';
import { EXIT } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { askAbout, RECORDINGS_ARGUMENT } from '../recording-id.ts';
import { openSession, type Session } from '../session.ts';
import { printable } from '../text-width.ts';

const EXAMPLES = `
The history stays, and what the source still has. What is not home yet is cancelled instead (sluice cancel).

Examples:
  sluice delete rec_8821bfdde5e03edd33995107
  sluice delete --with-companions --yes rec_8821bfdde5e03edd33995107`;

interface Options {
  readonly withCompanions?: boolean;
  readonly yes?: boolean;
}

/** `sluice delete ID…`: what is home is removed everywhere. */
export function addDeleteCommand(program: Command, io: Io): void {
  program
    .command('delete')
    .summary('delete recordings everywhere: archived file, video, captions')
    .description(
      'Deletes recordings that are home, everywhere: the archived file in all its versions, the video, its captions; the website is told. This cannot be undone.',
    )
    .argument('<ids...>', RECORDINGS_ARGUMENT)
    .option('--with-companions', 'the transcripts and chats that belong to them as well')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', EXAMPLES)
    .action(async (ids: string[], options: Options, command: Command) => {
      const session = openSession(io, command);
      if (options.yes !== true) {
        const only = ids.length === 1 && session.isLive ? ids[0] : undefined;
        const what =
          only === undefined ? `${ids.length} recordings` : `“${printable(await titleOf(session, only))}”`;
        if (!(await confirm(io, session, `Delete ${what} everywhere? This cannot be undone.`))) {
          io.setExitCode(EXIT.failed);
          return;
        }
      }
      const body = { companions: options.withCompanions === true };
      await actOnRecordings(io, session, ids, { action: 'delete', body });
    });
}

async function titleOf(session: Session, name: string): Promise<string> {
  const { api, signal } = session;
  return (await askAbout(session, name, (path) => api.get(path, recordingShape, signal))).title;
}
