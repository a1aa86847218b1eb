import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { assetKey } from '../../src/domain/asset.ts';
import { copyLedger } from '../../src/ledger/copy.ts';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { runSluice } from '../support/cli.ts';
import { fillLedger } from '../support/filled-ledger.ts';
import { countersOf, dumpLedger, fileRecording } from '../support/ledger.ts';
import { asking, createDatabase } from '../support/postgres-floor.ts';

const signal = new AbortController().signal;

let folder: string;
let file: string;
let url: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-copy-'));
  file = join(folder, 'ledger.db');
  url = await createDatabase({ isEmpty: true });
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** With whole numbers, as Postgres keeps them. */
const whole = (dump: object): Record<string, unknown[]> =>
  JSON.parse(JSON.stringify(dump), (_key, value) => (typeof value === 'number' ? Math.round(value) : value));

const copy = (from: string, to: string) => copyLedger({ from, to, beatEveryMs: 100, signal });

it('takes every row of every table to Postgres and back, and the numbers go on where they were', async () => {
  await fillLedger(file);
  const before = whole(await dumpLedger(file));

  const tables = await copy(file, url);

  expect(await dumpLedger(url)).toEqual(before);
  expect(tables.find(({ name }) => name === 'recordings')?.rows).toBe(before['recordings']?.length);
  const back = join(folder, 'back.db');
  await copy(url, back);
  expect(whole(await dumpLedger(back))).toEqual(before);
  expect(countersOf(back)).toEqual(countersOf(file));
  const ledger = await openWholeLedger({ address: url, leaseMs: 5000 });
  const { isDuplicate } = await ledger.recordings.accept(fileRecording('after the move'));
  await ledger.close();
  expect(isDuplicate).toBe(false);
});

it('P38 takes assets along, and what was said of them, and goes on with them there', async () => {
  const ledger = await openWholeLedger({ address: file, leaseMs: 5000 });
  const assets = ['one.mp4', 'one.mov'].map((path) => ({
    ...{ bytes: 1, mark: 'time 1', stem: 'one' },
    recording: {
      ...{ source: 'library' as const, naturalKey: assetKey(path), aceId: null, title: path, details: {} },
      origin: { kind: 'input' as const, address: `media-in:${path}`, bytes: 1, validator: null },
    },
  }));
  expect(await ledger.assets.take(assets)).toEqual({ registered: 2, changed: 0 });
  const { rows } = await ledger.assets.page({ limit: 10 });
  await ledger.assets.comment(rows[0]?.id ?? '', 'The better one');
  const before = await ledger.assets.page({ limit: 10 });
  await ledger.close();

  await copy(file, url);

  const copied = await openWholeLedger({ address: url, leaseMs: 5000 });
  expect(await copied.assets.page({ limit: 10 })).toEqual(before);
  expect(before.rows).toMatchObject([{ comments: 'The better one', hasNamesake: true }, { comments: '' }]);
  expect(await copied.assets.take(assets)).toEqual({ registered: 0, changed: 0 });
  await copied.assets.comment(rows[1]?.id ?? '', 'The longer one');
  const { rows: since } = await copied.assets.page({ limit: 10 });
  expect(since.map(({ comments }) => comments)).toEqual(['The better one', 'The longer one']);
  await copied.close();
});

it('is done by the command, which says what to set and shows no password', async () => {
  await fillLedger(file);
  const cli = { cwd: folder, env: { DATABASE_URL: file } };

  const told = await runSluice(['ledger', 'copy', '--to', url], cli);

  expect(told).toMatchObject({ exitCode: 0, stderr: '' });
  expect(told.stdout).toMatch(/rows of \d+ tables were copied from \S+ledger\.db to postgres:/);
  expect(told.stdout).toContain('DATABASE_URL=');
  expect(told.stdout).not.toContain('secret');

  const back = await runSluice(['ledger', 'copy', '--from', url, '--to', './back.db', '--json'], cli);
  expect(back.json).toMatchObject({ to: join(folder, 'back.db'), rows: expect.any(Number) });
  expect(back.stdout).not.toContain('secret');
});

it.each([
  [['ledger', 'copy'], /--to/],
  [['ledger', 'copy', '--to', './ledger.db'], /names the ledger that is copied/],
  [['ledger', 'copy', '--to', 'postgres://sluice:pass/word@db'], /no address of a Postgres database/],
])('sluice %j is a command line that makes no sense', async (args, words) => {
  const told = await runSluice(args, { cwd: folder, env: { DATABASE_URL: file } });

  expect(told.exitCode).toBe(2);
  expect(told.stderr).toMatch(words);
});

it('refuses a ledger that is in use already, and leaves it as it is', async () => {
  await fillLedger(file);
  const other = await openWholeLedger({ address: url, leaseMs: 5000 });
  await other.recordings.accept(fileRecording('there already'));
  await other.close();
  const before = await dumpLedger(url);

  await expect(copy(file, url)).rejects.toMatchObject({
    code: 'LEDGER_UNUSABLE',
    message: expect.stringMatching(/in use already/),
  });

  expect(await dumpLedger(url)).toEqual(before);
});

it('refuses while a process writes its signs of life, and copies once it has stopped', async () => {
  const running = await openWholeLedger({ address: file, leaseMs: 5000 });
  const beat = () => running.heartbeats.beat({ app: 'worker', pid: 1, version: '1', moved: 0 });
  await beat();
  const beating = setInterval(() => void beat(), 20);

  await expect(copy(file, url)).rejects.toMatchObject({
    code: 'LEDGER_IN_USE',
    message: expect.stringMatching(/^worker still writes/),
  });

  clearInterval(beating);
  await running.close();
  await copy(file, url);
});

it('keeps nothing of a copy in which a row went missing on the way', async () => {
  await fillLedger(file);
  await (await openWholeLedger({ address: url, leaseMs: 5000 })).close();
  await asking(url, (client) =>
    client.query(`create function lose() returns trigger language plpgsql as 'begin return null; end';
      create trigger lose before insert on recordings for each row when (new.seq = 3) execute function lose()`),
  );

  await expect(copy(file, url)).rejects.toThrow(/table recordings/);

  expect((await dumpLedger(url))['recordings']).toEqual([]);
});
