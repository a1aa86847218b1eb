import { expect, it } from 'vitest';
import { checkLedger } from '../../src/cli/doctor/ledger.ts';
import type { Config } from '../../src/config/config.ts';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { fileRecording } from '../support/ledger.ts';
import { asking, createDatabase } from '../support/postgres-floor.ts';

const diagnose = (ledgerAddress: string) => checkLedger({ ledgerAddress, dataDir: '/nowhere' } as Config);

it.each([
  ['a wrong password', (url: string) => url.replace(':secret@', ':wrong@'), /password of DATABASE_URL/],
  [
    'a user that is not there',
    (url: string) => url.replace('//sluice:', '//somebody:'),
    /user or the password/,
  ],
  [
    'a database that is not there',
    (url: string) => url.replace(/\/\w+\?/, '/nothing?'),
    /no database of this name/,
  ],
])(
  'with %s it is said what to do, and neither password nor address are shown',
  async (_what, spoilt, words) => {
    const url = spoilt(await createDatabase());

    const error = await openWholeLedger({ address: url, leaseMs: 5000 }).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: 'LEDGER_UNUSABLE', message: expect.stringMatching(words) });
    expect(String(error)).not.toMatch(/secret|:wrong/);
    expect(await diagnose(url)).toMatchObject({ state: 'fail', text: expect.stringMatching(words) });
  },
);

it('refuses the database of another program, and of a newer version, and changes nothing there', async () => {
  const strange = await createDatabase({ isEmpty: true });
  await asking(strange, (client) => client.query('create table recordings (id integer)'));
  await expect(openWholeLedger({ address: strange, leaseMs: 5000 })).rejects.toThrow(/another program/);

  const newer = await createDatabase();
  await asking(newer, (client) =>
    client.query("insert into kysely_migration values ('999-from-the-future', '2030')"),
  );
  await expect(openWholeLedger({ address: newer, leaseMs: 5000 })).rejects.toThrow(
    /newer version of Sluice \(999-from-the-future\)/,
  );
  expect(await diagnose(newer)).toMatchObject({ state: 'fail' });
});

it('doctor tells how much there is, where, and of which version the server is', async () => {
  const url = await createDatabase();
  const ledger = await openWholeLedger({ address: url, leaseMs: 5000 });
  await ledger.recordings.accept(fileRecording('a'));
  await ledger.close();

  const { state, text } = await diagnose(url);

  expect(state).toBe('ok');
  expect(text).toMatch(/^1 recordings, .* in postgres:\/\/\S+ \(Postgres \d+/);
  expect(text).not.toContain('secret');
});

it.each([
  ['a plain text', 'plain', 'plain'],
  ['a character outside of the first plane', 'a\u{1f600}b', 'a\u{1f600}b'],
  ['half a character', 'Stra\udcdfe', 'Stra\ufffde'],
  ['the other half of one', 'a\ud83db', 'a\ufffdb'],
  ['both halves the wrong way round', '\ude00\ud83d', '\ufffd\ufffd'],
  ['U+0000', 'a\0b', 'a\ufffdb'],
  ['what only looks like an escape', 'a\\u0000b\\udcdf', undefined],
])('of JSON with %s in it the other members are found, and it too', async (_what, text, read) => {
  const url = await createDatabase();
  const ledger = await openWholeLedger({ address: url, leaseMs: 5000 });
  await ledger.close();

  const [row] = await asking(url, async (client) => {
    const { rows } = await client.query<{ other: string; own: string }>(
      "select json_extract($1, '$.other') as other, json_extract($1, '$.own') as own",
      [JSON.stringify({ own: text, other: 'there' })],
    );
    return rows;
  });

  expect(row?.other).toBe('there');
  if (read !== undefined) expect(row?.own).toBe(read);
});
