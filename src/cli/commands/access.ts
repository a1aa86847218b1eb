import type { Command } from 'commander';
import { z } from 'zod';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { openSession, type Session } from '../session.ts';
import { renderTable } from '../table.ts';
import { localTime, parseDuration } from '../times.ts';

const tokenShape = z.looseObject({
  name: z.string(),
  role: z.string(),
  state: z.string(),
  created_at: z.string(),
  created_by: z.string(),
  expires_at: z.string().nullable(),
  last_used_at: z.string().nullable(),
});
type AccessToken = z.output<typeof tokenShape>;

const ROLE_WORDS: Readonly<Record<string, string>> = { operator: 'everything', viewer: 'only look' };

const CREATE_EXAMPLES = `
The token is printed once and kept nowhere: give it to whoever it is for. They log in with it at /login, or their programs
send it as "Authorization: Bearer ..."; the command takes it from SLUICE_TOKEN. What they do is told by their name.

Examples:
  sluice access create Anna
  sluice access create "wall display" --read-only
  sluice access create contractor --expires 30d`;

/** `sluice access create`, `list` and `revoke`: who may come in. */
export function addAccessCommand(program: Command, io: Io): void {
  const access = program
    .command('access')
    .summary('give people and programs tokens of their own')
    .description('Gives people and programs tokens of their own, and takes them back.');

  access
    .command('create')
    .description('Makes a token for somebody, and prints it.')
    .argument('<name>', 'whose it is, such as Anna')
    .option('--read-only', 'it is for looking: nothing can be changed with it')
    .option('--expires <time>', 'how long it opens, such as 12h or 30d; else until it is revoked')
    .addHelpText('after', CREATE_EXAMPLES)
    .action(async (name: string, options: { readOnly?: boolean; expires?: string }, command: Command) => {
      const session = openSession(io, command);
      const body = {
        name: name.trim(),
        role: options.readOnly ? 'viewer' : 'operator',
        expires_at: options.expires === undefined ? null : expiryOf(options.expires),
      };
      const shape = tokenShape.extend({ token: z.string() });
      const created = await session.api.post('/api/access/tokens', body, shape, session.signal);
      if (session.isJson) {
        session.printJson(created);
        return;
      }
      session.print(created.token);
      if (!io.stderr.isTTY) return;
      const { role, expires_at: until } = created;
      const end = until === null ? 'until it is revoked' : `until ${localTime(until)}`;
      io.stderr.write(`For ${created.name}: ${ROLE_WORDS[role] ?? role}, ${end}. It is not shown again.\n`);
    });

  access
    .command('list')
    .description('Lists the tokens that were given, the newest first.')
    .option('--all', 'those that were revoked too')
    .addHelpText('after', '\nExample:\n  sluice access list')
    .action(async (options: { all?: boolean }, command: Command) => {
      const session = openSession(io, command);
      const shape = z.object({ tokens: z.array(tokenShape) });
      const answer = await session.api.get('/api/access/tokens', shape, session.signal);
      const tokens = answer.tokens.filter(({ state }) => options.all === true || state !== 'revoked');
      if (session.isJson) session.printJson({ tokens });
      else if (tokens.length === 0) session.print('Nobody has a token of their own.');
      else session.print(...table(tokens, session));
    });

  access
    .command('revoke')
    .description('Takes a token back: it opens nothing any more, and its sessions end at once.')
    .argument('<name>', 'whose it is')
    .addHelpText('after', '\nExample:\n  sluice access revoke Anna')
    .action(async (name: string, _options: object, command: Command) => {
      const session = openSession(io, command);
      const path = `/api/access/tokens/${encodeURIComponent(name.trim())}/revoke`;
      const revoked = await session.api.post(path, {}, tokenShape, session.signal);
      if (session.isJson) session.printJson(revoked);
      else session.print(`The token of ${revoked.name} opens nothing any more.`);
    });
}

/** @throws Failure */
function expiryOf(text: string): string {
  const ms = parseDuration(text);
  if (!ms) throw usageFailure(`--expires: ${text} is no time.`, 'Write 12h or 30d.');
  return new Date(Date.now() + ms).toISOString();
}

function table(tokens: readonly AccessToken[], session: Session): string[] {
  return renderTable(
    tokens,
    [
      { heading: 'name', text: ({ name }) => name, minWidth: 8 },
      { heading: 'may', text: ({ role }) => ROLE_WORDS[role] ?? role },
      {
        heading: 'state',
        text: ({ state }) => state,
        style: ({ state }) => (state === 'valid' ? 'green' : 'yellow'),
      },
      { heading: 'created', text: ({ created_at: at }) => localTime(at) },
      { heading: 'by', text: ({ created_by: by }) => by, minWidth: 5 },
      { heading: 'until', text: ({ expires_at: at }) => localTime(at) },
      { heading: 'last used', text: ({ last_used_at: at }) => localTime(at) || 'never' },
    ],
    session,
  );
}
