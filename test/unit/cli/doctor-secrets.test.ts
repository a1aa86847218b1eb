import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAllSimulators } from '../../../simulators/all.ts';
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
    ['one letter', { ADMIN_TOKEN: 'a'.repeat(30) }, 'ADMIN_TOKEN', 'openssl rand -hex 24'],
    [
      'a pattern',
      { UPLOAD_TOKEN_SECRET: 'abcabc'.repeat(6) },
      'UPLOAD_TOKEN_SECRET',
      'openssl rand -base64 48',
    ],
  ])('names a secret of ours that is %s, and what makes a better one', async (_name, more, name, command) => {
    expect(await check(more)).toEqual({
      state: 'warn',
      text: `${name} is easy to guess`,
      advice: `Make a long random one: ${command}`,
    });
  });

  it('sends for a key that a service has made, and was not copied whole, to that service', async () => {
    const found = await check({ B2_APPLICATION_KEY: 'sesame', ZOOM_WEBHOOK_SECRET_TOKEN: 's' });

    expect(found.text).toMatch(/^ZOOM_WEBHOOK_SECRET_TOKEN, B2_APPLICATION_KEY: too short/);
    expect(found.advice).toContain('Copy it once more from the service');
    expect(JSON.stringify(found)).not.toMatch(/openssl|sesame/);
  });

  it('leaves alone what is the secret of another program, and what the simulators have made', async () => {
    const simulators = await startAllSimulators();
    try {
      const env = { ...simulators.environment, SSH_KEY: 'x', AWS_SECRET: 'y', DATA_DIR: join(home, 'data') };
      expect(await checkSecrets(loadConfig(env), { env, home })).toMatchObject({ state: 'ok' });
    } finally {
      await simulators.close();
    }
  });

  it('gives each command a line of its own', async () => {
    await chmod(join(home, '.env'), 0o644);

    const { advice } = await check({ ADMIN_TOKEN: 'a'.repeat(30) });

    expect(advice?.split('\n')).toEqual([
      'Make a long random one: openssl rand -hex 24',
      `Run: chmod go-rwx ${join(home, '.env')}`,
    ]);
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
