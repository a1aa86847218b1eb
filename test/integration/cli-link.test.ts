import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppOptions } from '../../src/server/app.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { runSluice } from '../support/cli.ts';
import { bringHome, fileRecording, openTestLedger, type TestLedger } from '../support/ledger.ts';

const FROM_AFAR = { 'x-forwarded-for': '203.0.113.9' };

let ledger: TestLedger;
let id: string;
const apps: TestApp[] = [];

beforeAll(async () => {
  ledger = await openTestLedger();
  ({ id } = await ledger.recordings.accept(fileRecording('a')));
  const keys = { hls: `runs/${id}/package/3/master.m3u8`, dash: null };
  const made = { to: 'media-out', prefix: `runs/${id}/package/3/`, durationS: 8, keys };
  await bringHome(ledger, id, { package: { ...made, playback: { hls: null, dash: null } } });
});
afterAll(async () => {
  await Promise.all(apps.map((app) => app.close()));
  await ledger.close();
});

/** A server where people may watch so, and the command in front of it. */
async function serve(mode: AppOptions['watch']['mode']) {
  const tokenSecrets = ['the secret of the links, which is long'];
  const linkUrl = 'https://watch.example';
  const watch = { mode, tokenSecrets, embedOrigins: [], linkUrl, mediaUrl: undefined };
  const app = await startTestApp(ledger, '127.0.0.1', { watch });
  apps.push(app);
  const sluice = (...args: string[]) =>
    runSluice(['link', ...args], { env: { SLUICE_URL: app.url }, cwd: ledger.folder });
  return { app, sluice };
}

describe('sluice link', () => {
  it('prints a link alone, which opens the recording and no other', async () => {
    const { app, sluice } = await serve('signed');
    const { exitCode, stdout, stderr } = await sluice(id, '--expires', '2h');

    expect([exitCode, stderr]).toEqual([0, '']);
    const { origin, pathname, hash } = new URL(stdout.trim());
    expect(origin + pathname).toBe(`https://watch.example/watch/${id}`);
    const token = hash.replace('#token=', '');
    const ask = (of: string) => app.get(`/watch/${of}/player`, { ...FROM_AFAR, 'x-watch-token': token });
    expect((await ask(id)).status).toBe(200);
    expect((await ask('rec_000000000000000000000000')).status).toBe(403);
  });

  it('says with --json until when somebody may begin, by --expires', async () => {
    const { sluice } = await serve('signed');
    const ends = await Promise.all(
      ['1h', '3d'].map(async (time) => (await sluice(id, '--expires', time, '--json')).json),
    );

    expect(ends.map(({ url }) => url)).toEqual([expect.any(String), expect.any(String)]);
    const [first, second] = ends.map(({ expires_at: at }) => Date.parse(at) / 3_600_000);
    expect(Math.round((second ?? 0) - (first ?? 0))).toBe(71);
  });

  it('prints an address without an end where everybody may watch', async () => {
    const { sluice } = await serve('public');

    expect((await sluice(id, '--json')).json).toEqual({
      url: `https://watch.example/watch/${id}`,
      expires_at: null,
    });
  });

  it('says what is in the way: where nobody may watch, what has no package, what is not there, a time that is none', async () => {
    const { id: other } = await ledger.recordings.accept(fileRecording('b'));
    await bringHome(ledger, other, {});
    const { sluice } = await serve('signed');
    const off = await serve('off');

    expect(await off.sluice(id)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('WATCH') });
    expect(await sluice(other)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('it has no package'),
    });
    expect(await sluice('rec_000000000000000000000000')).toMatchObject({ exitCode: 1, stdout: '' });
    expect(await sluice(id, '--expires', 'soon')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('Write 30m, 2h or 7d.'),
    });
  });
});
