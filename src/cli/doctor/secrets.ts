import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { type Finding, ok, warn } from './check.ts';

/** What is shorter, or made of fewer different characters, can be guessed, and can hardly be kept out of messages. */
const MIN_CHARACTERS = 16;
const MIN_DIFFERENT = 8;

const NAMES = /(SECRET|TOKEN|KEY|PASSWORD)(_OLD)?$/;

/** Whether what has to be secret can be: hard to guess, readable by nobody else, and never sent for all to read. */
export async function checkSecrets(
  { alarms, dataDir }: Config,
  { env, home }: { env: Readonly<Record<string, string | undefined>>; home: string },
): Promise<Finding> {
  const weak = Object.keys(env).filter((name) => NAMES.test(name) && isWeak(env[name]?.trim()));
  const open = await openToOthers([join(home, '.env'), dataDir]);
  const { mail } = alarms;

  const isMailOpen =
    mail !== undefined &&
    !mail.needsTls &&
    /^smtp:\/\/([^@]*@)?(?!localhost|127\.|\[::1\])/.test(mail.smtpUrl);
  const found: [text: string, advice: string][] = [];

  if (weak.length > 0) {
    found.push([
      `easy to guess: ${weak.join(', ')}`,
      'Make a long random one, such as the output of: openssl rand -base64 48',
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
  return warn(found.map(([text]) => text).join('; '), found.map(([, advice]) => advice).join(' '));
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
