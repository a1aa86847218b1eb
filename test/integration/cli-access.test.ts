import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { runSluice } from '../support/cli.ts';
import { openTestLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
let app: TestApp;

beforeAll(async () => {
  ledger = await openTestLedger();
  app = await startTestApp(ledger, '127.0.0.1', {
    operators: { adminToken: 'an-admin-token-of-thirty-chars', isLocalTrusted: false },
  });
});
afterAll(async () => {
  await app.close();
  await ledger.close();
});

const sluice = (token: string, ...args: string[]) =>
  runSluice(args, { cwd: ledger.folder, env: { SLUICE_URL: app.url, SLUICE_TOKEN: token } });
const asAdmin = (...args: string[]) => sluice('an-admin-token-of-thirty-chars', ...args);

it('sluice access makes a token that is printed once and opens what it is for, lists it and takes it back', async () => {
  const made = await asAdmin('access', 'create', 'Anna', '--read-only', '--expires', '2d');
  const token = made.stdout.trim();
  const listed = await asAdmin('access', 'list');
  const looked = await sluice(token, 'status', '--json');
  const acted = await sluice(token, 'pause');

  expect([made.exitCode, token]).toEqual([0, expect.stringMatching(/^sluice_[\w-]{43}$/)]);
  expect(listed.stdout).toMatch(
    /^name +may +state +created +by +until +last used\nAnna +only look +valid .* admin .* never\n$/,
  );
  expect(looked.json.version).toBe('1.2.3');
  expect(acted).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('Anna may look at everything and change nothing'),
  });

  const revoked = await asAdmin('access', 'revoke', 'anna');
  const again = await asAdmin('access', 'revoke', 'Anna');
  expect([revoked.stdout, again.exitCode]).toEqual(['The token of Anna opens nothing any more.\n', 0]);
  expect((await sluice(token, 'status')).stderr).toContain('the token was revoked');
  expect((await asAdmin('access', 'list')).stdout).toBe('Nobody has a token of their own.\n');
});

it('sluice audit says who has done what, and of one person alone', async () => {
  const { stdout: token } = await asAdmin('access', 'create', 'Bert');
  await sluice(token.trim(), 'pause');
  await sluice(token.trim(), 'resume');

  const { stdout } = await asAdmin('audit', '--who', 'bert');
  expect((await asAdmin('audit', '--who', 'Zoe')).stdout).toBe('Nothing is known that Zoe has done.\n');

  expect(stdout).toMatch(
    /^at +who +from +what +of +outcome\n.+Bert +127\.0\.0\.1 +resume line +done\n.+ pause line +done\n$/,
  );
  expect((await asAdmin('audit', '--json')).json.entries[2]).toMatchObject({ who: 'admin', subject: 'Bert' });
});

it.each([
  [['access', 'create', 'Anna', '--expires', 'soon'], 2, '--expires: soon is no time.'],
  [['audit', '--limit', '0'], 2, '--limit: 0 is no number'],
  [['access', 'create', 'admin'], 2, 'must not be "admin", which means somebody else'],
  [['access', 'revoke', 'Nobody here'], 1, 'There is no token of Nobody here'],
])('sluice %j ends with %i and says why', async (args, exitCode, why) => {
  expect(await asAdmin(...args)).toMatchObject({ exitCode, stderr: expect.stringContaining(why) });
});
