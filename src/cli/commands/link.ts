import type { Command } from 'commander';
import { z } from 'zod';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { askAbout, RECORDING_ARGUMENT } from '../recording-id.ts';
import { openSession } from '../session.ts';
import { localTime, parseDuration } from '../times.ts';

const answerShape = z.looseObject({ url: z.string(), expires_at: z.string().nullable() });

const EXAMPLES = `
The time says until when somebody may begin to watch: whoever has begun can go on for 12 hours. With WATCH=public the link has
no end.

Examples:
  sluice link rec_8821bfdde5e03edd33995107
  sluice link rec_8821bfdde5e03edd33995107 --expires 2h`;

/** `sluice link ID`: where a recording can be watched, for somebody to be sent. */
export function addLinkCommand(program: Command, io: Io): void {
  program
    .command('link')
    .summary('make a link to watch a recording')
    .description('Makes a link with which a recording that has a package can be watched, and prints it.')
    .argument('<id>', RECORDING_ARGUMENT)
    .option('--expires <time>', 'how long somebody may begin to watch with it, such as 2h or 7d', '7d')
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, options: { expires: string }, command: Command) => {
      const session = openSession(io, command);
      const expiresInMs = parseDuration(options.expires);
      if (!expiresInMs)
        throw usageFailure(`--expires: ${options.expires} is no time.`, 'Write 30m, 2h or 7d.');
      const body = { expires_s: Math.max(1, Math.round(expiresInMs / 1000)) };
      const link = await askAbout(session, id, (path) =>
        session.api.post(`${path}/watch-link`, body, answerShape, session.signal),
      );
      if (session.isJson) return session.printJson(link);
      session.print(link.url);
      if (io.stderr.isTTY && link.expires_at !== null) {
        io.stderr.write(`Until ${localTime(link.expires_at)}.\n`);
      }
    });
}
