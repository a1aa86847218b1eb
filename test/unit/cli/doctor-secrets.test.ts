import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkSecrets } from '../../../src/cli/doctor/secrets.ts';
import { loadConfig } from '../../../src/config/config.ts';

const STRONG = 'Zk3vQ9xw7LmT2bRf8Yc1';
const SECRETS = {
  ZOOM_WEBHOOK_SECRET_TOKEN: STRONG,
  B2_KEY_ID: 'id',
  B2_APPLICATION_KEY: STRONG,
  BUNNY_LIBRARY_ID: '4321',
  BUNNY_API_KEY: STRONG,
  SITE_WEBHOOK_URL: 'https://academy.example/x',
  SITE_WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
};
const MAIL = { ALARM_MAIL_TO: 'a@b.example', ALARM_MAIL_FROM: 'c@d.example' };

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'sluice-doctor-'));
  await mkdir(join(home, 'data'), { mode: 0o700 });
  await writeFile(join(home, '.env'), '', { mode: 0o600 });
});
afterEach(() => rm(home, { recursive: true }));

function check(more: Record<string, string> = {}) {
  const env = { ...SECRETS, DATA_DIR: join(home, 'data'), ...more };
  return checkSecrets(loadConfig(env), { env, home });
}

describe('the doctor', () => {
  it('finds nothing to say of long random secrets that others cannot read', async () => {
    expect(await check({ ADMIN_TOKEN: '0123456789abcdef01234567' })).toMatchObject({ state: 'ok' });
  });

  it.each([
    ['short', { B2_APPLICATION_KEY: 'sesame' }, 'B2_APPLICATION_KEY'],
    ['one letter', { ADMIN_TOKEN: 'a'.repeat(30) }, 'ADMIN_TOKEN'],
    ['a pattern', { UPLOAD_TOKEN_SECRET: 'abcabc'.repeat(6) }, 'UPLOAD_TOKEN_SECRET'],
    ['one letter', { ZOOM_WEBHOOK_SECRET_TOKEN: 's' }, 'ZOOM_WEBHOOK_SECRET_TOKEN'],
  ])('names a secret that is %s, and does not show it', async (_name, more, name) => {
    expect(await check(more)).toMatchObject({ state: 'warn', text: `easy to guess: ${name}` });
  });

  it.each(['.env', 'data'])('names what others can read: %s', async (name) => {
    await chmod(join(home, name), 0o755);

    expect(await check()).toMatchObject({ state: 'warn', text: expect.stringContaining(join(home, name)) });
  });

  it.each([
    ['smtp://mail.example.org:25', {}, 'warn'],
    ['smtp://u:p@mail.example.org', { SMTP_TLS: 'if-offered' }, 'warn'],
    ['smtp://u:p@mail.example.org', {}, 'ok'],
    ['smtps://mail.example.org', {}, 'ok'],
    ['smtp://127.0.0.1:25', {}, 'ok'],
  ])('looks whether mails go over TLS: %s %o', async (SMTP_URL, more, state) => {
    expect(await check({ ...MAIL, SMTP_URL, ...more })).toMatchObject({ state });
  });
});
