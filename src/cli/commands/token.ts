import type { Command } from 'commander';
import { Failure, usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { openSession } from '../session.ts';
import { localTime, parseDuration } from '../times.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };
const MIN_SECRET_LENGTH = 32;

interface TokenOptions {
  readonly aceId: string;
  readonly expires: string;
  readonly maxBytes?: string;
  readonly title?: string;
  readonly link?: string | true;
}

const EXAMPLES = `
The token is signed with UPLOAD_TOKEN_SECRET, as the website signs its own (docs/website.md). It says who may begin an
upload until it expires; an upload that has begun goes on.

Examples:
  sluice token create --ace-id lesson-4711
  sluice token create --ace-id lesson-4711 --link
  sluice token create --ace-id lesson-4711 --expires 2d --max-bytes 5GB --title "Algebra 1"`;

/** `sluice token create`: what the website gives to a tutor who may upload. */
export function addTokenCommand(program: Command, io: Io): void {
  const token = program
    .command('token')
    .summary('make tokens for uploads')
    .description('Makes tokens for uploads.');
  token
    .command('create')
    .description('Makes a token with which one recording may be uploaded, and prints it.')
    .requiredOption('--ace-id <id>', "the website's id for the recording")
    .option('--expires <time>', 'how long uploads may be begun with it, such as 30m, 2h or 1d', '2h')
    .option('--max-bytes <size>', 'how large the upload may be, such as 5GB')
    .option('--title <title>', "the recording's title, whatever the uploader says")
    .option(
      '--link [address]',
      'print the whole address of the upload page for the tutor; on the host of PUBLIC_URL, or this',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (options: TokenOptions, command: Command) => {
      const session = openSession(io, command);
      const expiresInMs = parseDuration(options.expires);
      if (!expiresInMs)
        throw usageFailure(`--expires: ${options.expires} is no time.`, 'Write 30m, 2h or 1d.');
      const grant = {
        aceId: readAceId(options.aceId),
        expiresInS: Math.max(1, Math.round(expiresInMs / 1000)),
        ...(options.maxBytes === undefined ? {} : { maxBytes: readSize(options.maxBytes) }),
        ...(options.title === undefined ? {} : { title: readTitle(options.title) }),
      };
      const page = options.link === undefined ? undefined : readPage(io, options.link);
      const { createUploadToken } = await import('../../lib/upload-token.ts');
      const created = await createUploadToken({ ...grant, secret: readSecret(io) });
      // Behind the #: that part never leaves the browser, and is in nobody's log.
      const link = page === undefined ? undefined : `${page}#token=${created}`;
      const expiresAt = new Date(Date.now() + grant.expiresInS * 1000).toISOString();
      if (session.isJson) {
        session.printJson({
          token: created,
          ...(link === undefined ? {} : { link }),
          ace_id: grant.aceId,
          expires_at: expiresAt,
          max_bytes: grant.maxBytes ?? null,
          title: grant.title ?? null,
        });
        return;
      }
      session.print(link ?? created);
      if (io.stderr.isTTY) io.stderr.write(`For ${grant.aceId}, until ${localTime(expiresAt)}.\n`);
    });
}

function readSecret({ env }: Io): string {
  const secret = env['UPLOAD_TOKEN_SECRET']?.trim() ?? '';
  if (secret.length >= MIN_SECRET_LENGTH) return secret;
  throw new Failure({
    code: 'CONFIG_INVALID',
    title: secret === '' ? 'UPLOAD_TOKEN_SECRET is not set.' : 'UPLOAD_TOKEN_SECRET is too short.',
    detail: `It has to have at least ${MIN_SECRET_LENGTH} characters, and to be that of the tus server.`,
    advice: 'Put the output of "openssl rand -base64 48" into .env, and restart tus.',
  });
}

/** The address of the upload page: `/upload` on a host, unless a path is named. */
function readPage({ env }: Io, given: string | true): string {
  const address = given === true ? (env['PUBLIC_URL']?.trim() ?? '') : given;
  if (address === '') {
    throw usageFailure(
      '--link: it is not known where tutors reach the upload page.',
      'Set PUBLIC_URL in .env, or name it: --link https://uploads.example.com',
    );
  }
  if (!/^https?:\/\//.test(address) || !URL.canParse(address)) {
    throw usageFailure(`--link: ${address} is no address.`, 'Write https://uploads.example.com');
  }
  const page = new URL(address);
  page.hash = '';
  page.pathname = `${page.pathname.replace(/\/(upload\/?)?$/, '')}/upload`;
  return page.href;
}

function readAceId(text: string): string {
  if (text.trim() !== '' && text.length <= 200 && !/[\p{Cc}\p{Cs}]/u.test(text)) return text;
  throw usageFailure('--ace-id: it has 1 to 200 characters, and no control characters.');
}

function readTitle(text: string): string {
  if (text.length <= 1000) return text;
  throw usageFailure('--title: it has at most 1000 characters.');
}

function readSize(text: string): number {
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?) ?([kmg]?)b?$/i.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(amount) * (UNITS[unit.toLowerCase()] ?? Number.NaN));
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw usageFailure(`--max-bytes: ${text} is no size.`, 'Write 500MB or 5GB.');
}
