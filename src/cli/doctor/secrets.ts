import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { settings } from '../../config/settings.ts';
import { type Finding, ok, warn } from '../../domain/finding.ts';
import { CHECKUPS } from '../../outside/doctor.ts';

/** What is shorter, or made of fewer different characters, can be guessed, and can hardly be kept out of messages. */
const MIN_CHARACTERS = 16;
const MIN_DIFFERENT = 8;

const NAMES = Object.keys(settings).filter((name) => /(SECRET|TOKEN|KEY|PASSWORD)(_OLD)?$/.test(name));

/** What makes those that no service makes. */
const MADE_BY: Readonly<Record<string, string>> = {
  ADMIN_TOKEN: 'openssl rand -hex 24',
  UPLOAD_TOKEN_SECRET: 'openssl rand -base64 48',
  ...Object.assign({}, ...CHECKUPS.map(({ madeBy }) => madeBy)),
};

/** Whether what has to be secret can be: hard to guess, readable by nobody else, and never sent for all to read. */
export async function checkSecrets(
  { alarms, dataDir }: Config,
  { env, home }: { env: Readonly<Record<string, string | undefined>>; home: string },
): Promise<Finding> {
  const weak = NAMES.filter((name) => isWeak(env[name]?.trim()));
  const given = weak.filter((name) => makerOf(name) === undefined);
  const open = await openToOthers([join(home, '.env'), dataDir]);
  const { mail } = alarms;

  const isMailOpen =
    mail !== undefined &&
    !mail.needsTls &&
    /^smtp:\/\/([^@]*@)?(?!localhost|127\.|\[::1\])/.test(mail.smtpUrl);
  const found: [text: string, advice: string][] = [];

  for (const name of weak.filter((each) => !given.includes(each))) {
    found.push([`${name} is easy to guess`, `Make a long random one: ${makerOf(name)}`]);
  }
  if (given.length > 0) {
    found.push([
      `${given.join(', ')}: too short or too simple to be whole`,
      'Copy it once more from the service that it belongs to.',
    ]);
  }
  if (open.length > 0) {
    found.push([
      `other users of this machine get at ${open.join(', ')}`,
      `Run: chmod go-rwx ${open.join(' ')}`,
    ]);
  }
  if (isMailOpen) {
    found.push([
      'alarms may be mailed without TLS, for everybody on the way to read',
      'Set SMTP_TLS=required, or use an address that begins with smtps://',
    ]);
  }
  if (found.length === 0) return ok('hard to guess, and closed to others');
  // A line each, since commands are copied.
  return warn(found.map(([text]) => text).join('; '), found.map(([, advice]) => advice).join('\n'));
}

function makerOf(name: string): string | undefined {
  return MADE_BY[name.replace(/_OLD$/, '')];
}

function isWeak(secret: string | undefined): boolean {
  if (secret === undefined || secret === '') return false;
  return secret.length < MIN_CHARACTERS || new Set(secret).size < MIN_DIFFERENT;
}

/** Those of the paths that other users may read, or write into. */
async function openToOthers(paths: readonly string[]): Promise<string[]> {
  const modes = await Promise.all(
    paths.map(async (path) => ({
      path,
      mode: await stat(path).then(
        ({ mode }) => mode,
        () => 0,
      ),
    })),
  );
  return modes.filter(({ mode }) => (mode & 0o077) !== 0).map(({ path }) => path);
}
