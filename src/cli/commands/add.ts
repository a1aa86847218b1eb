import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { z } from 'zod';
import { acceptedShape } from '../api-shapes.ts';
import { EXIT } from '../exit-codes.ts';
import { exitCodeOf, Failure, type Trouble, troubleOf, usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { createLiveBlock } from '../live-block.ts';
import { STATE_STYLES } from '../paint.ts';
import { openSession, type Session } from '../session.ts';
import { renderTable } from '../table.ts';
import { clip, printable } from '../text-width.ts';
import { localTime, parseTime } from '../times.ts';

interface AddOptions {
  readonly title?: string;
  readonly aceId?: string;
  readonly keep?: boolean;
  readonly notBefore?: string;
}

interface Added {
  readonly path: string;
  readonly title: string;
  readonly accepted: z.output<typeof acceptedShape>;
}

const EXAMPLES = `
A file is removed once it is archived and published, unless --keep is given. The same file again changes nothing.

Examples:
  sluice add lesson-1.mp4 --title "Algebra 1" --ace-id lesson-4711
  sluice add /srv/videos/*.mp4 --keep
  sluice add big.mp4 --not-before "2026-12-24 18:00"
  sluice add big.mp4 --not-before +2h`;

/** `sluice add PATH…`: files of this server, by the custom door. */
export function addAddCommand(program: Command, io: Io): void {
  program
    .command('add')
    .summary('bring files of this server home')
    .description('Hands files of this server over, one recording each.')
    .argument('<paths...>', 'audio or video files')
    .option('--title <title>', 'of one file; else its name without the ending')
    .option('--ace-id <id>', "the website's id for the recording; of one file")
    .option('--keep', 'leave the file where it is once it is published')
    .option('--not-before <time>', 'such as 2026-12-24T18:00 (time of this machine), ...Z, or +2h')
    .addHelpText('after', EXAMPLES)
    .action(async (paths: string[], options: AddOptions, command: Command) => {
      const session = openSession(io, command);
      const single = (['title', 'aceId'] as const).find((name) => options[name] !== undefined);
      if (paths.length > 1 && single !== undefined) {
        const flag = single === 'title' ? '--title' : '--ace-id';
        throw usageFailure(`${flag} is for one file, and ${paths.length} are named.`, 'Add them one by one.');
      }
      const notBefore = readNotBefore(options.notBefore);
      const body = {
        ...(options.aceId === undefined ? {} : { ace_id: options.aceId }),
        keep_file: options.keep ?? false,
        ...(notBefore === undefined ? {} : { not_before: notBefore }),
      };
      const refused = await addAll(session, paths, options.aceId, async (given) => {
        const path = resolve(io.cwd, given);
        await refuseFolder(path, given);
        // The name as it is on the disk, which arguments need not carry: for the server to look at.
        const { title } = options;
        const wanted = { path, ...(title === undefined ? { title_from: 'filename' } : { title }), ...body };
        const accepted = await session.api.post('/custom-upload', wanted, acceptedShape, session.signal);
        return { path, title: accepted.title ?? title ?? path, accepted };
      });
      if (refused.length > 0) io.setExitCode(exitCodeOf(refused));
    });
}

function readNotBefore(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const ms = parseTime(text, Date.now());
  if (ms === undefined)
    throw usageFailure(`--not-before: ${text} is no time.`, 'Write 2026-12-24T18:00 or +2h.');
  if (ms < Date.now()) {
    throw usageFailure(
      `--not-before: ${localTime(new Date(ms).toISOString())} is in the past.`,
      'Name a time to come, such as +2h, or leave it out.',
    );
  }
  return new Date(ms).toISOString();
}

/** Adds one after the other; one that is refused is told of and does not stop the others. Returns what was refused. */
async function addAll(
  session: Session,
  paths: readonly string[],
  aceId: string | undefined,
  addOne: (path: string) => Promise<Added>,
): Promise<readonly Trouble[]> {
  const added: Added[] = [];
  const refused: { path: string; trouble: Trouble }[] = [];
  const block = session.isLive ? createLiveBlock(session.screen) : undefined;
  try {
    for (const [index, path] of paths.entries()) {
      const line = `Adding ${index + 1} of ${paths.length}: ${printable(path)}`;
      block?.draw([clip(line, session.screen.columns)]);
      try {
        added.push(await addOne(path));
      } catch (error) {
        session.signal.throwIfAborted();
        // Nobody would answer for the next one either.
        if (error instanceof Failure && error.exitCode === EXIT.unreachable) throw error;
        refused.push({ path, trouble: troubleOf(error) });
      }
    }
  } finally {
    block?.end();
    if (added.length > 0 || session.isJson) report(session, added, aceId);
    for (const { path, accepted } of added) {
      if (accepted.note !== undefined && !session.isJson)
        session.print(`${printable(path)}: ${accepted.note}`);
    }
    for (const { path, trouble } of refused) session.complain(trouble, path);
  }
  return refused.map(({ trouble }) => trouble);
}

async function refuseFolder(path: string, given: string): Promise<void> {
  // Whether the file can be had at all is for the server to say: it need not be this machine.
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) return;
  throw new Failure({
    code: 'FILE_NOT_REGULAR',
    title: 'This is a folder.',
    detail: '',
    advice: `Name its files: sluice add ${given.replace(/\/+$/, '')}/*.mp4`,
  });
}

function report(session: Session, added: readonly Added[], aceId: string | undefined): void {
  if (session.isJson) {
    session.printJson({ added: added.map(({ path, title, accepted }) => ({ path, title, ...accepted })) });
    return;
  }
  session.print(
    ...renderTable(
      added,
      [
        { heading: 'id', text: ({ accepted }) => accepted.id },
        ...(aceId === undefined ? [] : [{ heading: 'ace_id', text: () => aceId }]),
        {
          heading: 'state',
          text: ({ accepted }) => accepted.state,
          style: ({ accepted }) => STATE_STYLES[accepted.state],
        },
        { heading: '', text: ({ accepted }) => (accepted.duplicate ? 'known already' : 'added') },
        { heading: 'title', text: ({ title }) => title, minWidth: 8 },
      ],
      session,
    ),
  );
}
