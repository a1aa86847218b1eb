import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'libsql';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkLedger } from '../../src/cli/doctor/ledger.ts';
import type { Config } from '../../src/config/config.ts';
import { inspectLedger } from '../../src/ledger/inspect.ts';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';

let dataDir = '';
let path = '';

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sluice-versions-'));
  path = join(dataDir, 'ledger.db');
  await (await openWholeLedger({ address: path, leaseMs: 1000 })).close();
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

function change(statement: string): void {
  const sqlite = new Sqlite(path);
  sqlite.exec(statement);
  sqlite.close();
}

const diagnose = () => checkLedger({ ledgerAddress: path, dataDir } as Config);

it('a ledger that a newer version has had is left as it is, and it is said what to do', async () => {
  change("insert into kysely_migration values ('999-from-the-future', '2030-01-01')");

  await expect(openWholeLedger({ address: path, leaseMs: 1000 })).rejects.toMatchObject({
    code: 'LEDGER_UNUSABLE',
    message: expect.stringMatching(/newer version of Sluice \(999-from-the-future\).*docs\/upgrading\.md/),
  });
  expect(await diagnose()).toMatchObject({
    state: 'fail',
    advice: expect.stringContaining('restore the backup'),
  });
  expect(inspectLedger(path)).toMatchObject({ pending: [], unknown: ['999-from-the-future'] });
});

it('a ledger of an older version is told of before the start that changes it', async () => {
  expect((await diagnose()).state).toBe('ok');

  change("delete from kysely_migration where name = '013-callers-words'");

  expect(await diagnose()).toMatchObject({
    state: 'warn',
    text: expect.stringContaining('the next start takes 013-callers-words'),
    advice: expect.stringContaining('backup'),
  });
});
