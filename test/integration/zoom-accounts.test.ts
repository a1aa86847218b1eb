import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryptPlainToken } from '../../simulators/zoom/webhooks.ts';
import { type House, openHouse } from '../support/house.ts';
import {
  aboutMeeting,
  type Fixture,
  haveRecorded,
  outcomeOf,
  post,
  readFixture,
  retold,
} from '../support/zoom-fixtures.ts';

const FIRST = 'exampleAccountId000000';
const SECOND = 'exampleAccountId999999';
const OTHER = { accountId: SECOND, clientId: 'second-client', clientSecret: 'second-client-secret' };

const ACCOUNTS = `
accounts:
  - id: ${FIRST}
    webhook_secrets: [first-secret-new, first-secret-old]
    rules: first-rules.yaml
  - id: ${SECOND}
    webhook_secrets: [second-secret]
    oauth: { client_id: ${OTHER.clientId}, client_secret: ${OTHER.clientSecret} }
`;

/** What plain settings say of one account, and the file of accounts says instead. */
const NO_PLAIN_SETTINGS = {
  ZOOM_WEBHOOK_SECRET_TOKEN: '',
  ZOOM_ACCOUNT_ID: '',
  ZOOM_CLIENT_ID: '',
  ZOOM_CLIENT_SECRET: '',
};

function ofAccount(fixture: Fixture, accountId: string, uuid: string): Fixture {
  const copy = aboutMeeting(fixture, uuid);
  copy.payload.account_id = accountId;
  return copy;
}

describe('an installation with several accounts', () => {
  let folder: string;
  let house: House;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-accounts-'));
    const path = join(folder, 'accounts.yaml');
    await writeFile(path, ACCOUNTS);
    await writeFile(
      join(folder, 'first-rules.yaml'),
      'rules: [{ match: {}, set: { title: "First: {topic}" } }]',
    );
    house = await openHouse(
      { ...NO_PLAIN_SETTINGS, ZOOM_ACCOUNTS_FILE: path },
      { zoom: { otherAccounts: [OTHER] } },
    );
    await house.startWorker();
  });
  afterAll(async () => {
    await house.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function send(accountId: string, uuid: string, secret: string, eventAtMs?: number) {
    const fixture = ofAccount(readFixture('single-view'), accountId, uuid);
    await haveRecorded(house, fixture);
    return await post(house, retold(house, fixture, eventAtMs), { secret });
  }

  it.each([
    ['its secret', FIRST, 'first-secret-new', 'First: Algebra, group 2'],
    ['its old secret', FIRST, 'first-secret-old', 'First: Algebra, group 2'],
    ['its secret, and has no rules', SECOND, 'second-secret', 'Algebra, group 2'],
  ])('takes an event that an account has signed with %s', async (_name, account, secret, title) => {
    const uuid = `uuid-${secret}`;
    expect(await send(account, uuid, secret)).toMatchObject({
      status: 200,
      accepted: [{ duplicate: false }],
    });
    expect(await outcomeOf(house, uuid)).toMatchObject([{ state: 'done', title }]);
  });

  it('refuses a secret that is nobody’s, whichever account is named', async () => {
    for (const account of [FIRST, SECOND, 'nobody']) {
      expect(await send(account, `uuid-forged-${account}`, 'forged')).toMatchObject({
        status: 401,
        code: 'SIGNATURE_INVALID',
      });
    }
  });

  it.each([
    ['an account that nobody knows', 'nobody', 'second-secret'],
    ['an account by the secret of another', FIRST, 'second-secret'],
  ])('takes nothing of %s, and says so to the operator only', async (_name, account, secret) => {
    const uuid = `uuid-${account}-by-another`;
    expect(await send(account, uuid, secret)).toMatchObject({ status: 200, accepted: [] });

    expect(await house.recordings.ofGroup(`zoom:${uuid}`)).toEqual([]);
    const response = await fetch(`${house.config.pipeline.url}/api/zoom/ignored`);
    const { ignored } = (await response.json()) as { ignored: { meeting_uuid: string }[] };
    expect(ignored.find(({ meeting_uuid }) => meeting_uuid === uuid)).toMatchObject({
      reason: 'unknown-account',
      account_id: account,
    });
  });

  it('answers the event of an unknown account, brings nothing of it and asks nobody about it', async () => {
    const fixture = readFixture('unknown-account');
    await haveRecorded(house, fixture);
    const before = house.zoom.requests.length;

    const taken = await post(house, retold(house, fixture), { secret: 'first-secret-new' });

    expect(taken).toMatchObject({ status: 200, accepted: [], ignored: 'unknown account' });
    expect(await outcomeOf(house, fixture.payload.object.uuid)).toEqual([]);
    expect(house.zoom.requests).toHaveLength(before);
  });

  it('asks Zoom with the credentials of the account that the recording is of', async () => {
    await send(SECOND, 'uuid-late', 'second-secret', Date.now() - 2 * 86_400_000);

    expect(await outcomeOf(house, 'uuid-late')).toMatchObject([{ state: 'done' }]);
  });

  it('brings one meeting of the account that a person names, and says so if that one cannot be asked', async () => {
    const fixture = ofAccount(readFixture('single-view'), SECOND, 'uuid-of-the-second');
    await haveRecorded(house, fixture);
    const ingest = async (account: string) => {
      const response = await house.post('/api/zoom/ingest', { meeting: 'uuid-of-the-second', account });
      return { status: response.status, ...((await response.json()) as object) };
    };

    expect(await ingest(FIRST)).toMatchObject({ status: 409, code: 'ZOOM_NOT_CONNECTED' });
    expect(await ingest(SECOND)).toMatchObject({ status: 200, accepted: [{ duplicate: false }] });
  });

  it.each(['first-secret-new', 'first-secret-old', 'second-secret'])(
    'answers a challenge with the secret that has signed it: %s',
    async (secret) => {
      const event = { event: 'endpoint.url_validation', event_ts: 1, payload: { plainToken: 'plain' } };
      const { status, body } = await house.zoom.send(house.webhookUrl, event, { secret });

      expect(status).toBe(200);
      expect(JSON.parse(body)).toEqual({
        plainToken: 'plain',
        encryptedToken: encryptPlainToken(secret, 'plain'),
      });
    },
  );

  it.each([
    [
      'an account twice',
      'accounts: [{id: a, webhook_secrets: [x]}, {id: a, webhook_secrets: [y]}]',
      'is there twice',
    ],
    ['no secret', 'accounts:\n  - id: a\n    webhook_secrets: []', 'line 3'],
    [
      'rules that are not there',
      'accounts: [{id: a, webhook_secrets: [x], rules: none.yaml}]',
      'does not exist',
    ],
  ])('does not start with %s, and says why without a secret', async (_name, text, why) => {
    const path = join(folder, 'bad.yaml');
    await writeFile(path, text);

    await expect(openHouse({ ...NO_PLAIN_SETTINGS, ZOOM_ACCOUNTS_FILE: path })).rejects.toThrow(why);
  });
});

describe('an installation with one account', () => {
  it('takes the old secret and the new one while it is changed', async () => {
    const house = await openHouse({ ZOOM_WEBHOOK_SECRET_TOKEN_OLD: 'before' });
    try {
      for (const secret of ['before', house.zoom.secretToken]) {
        const fixture = aboutMeeting(readFixture('single-view'), `uuid-${secret}`);
        await haveRecorded(house, fixture);
        expect(await post(house, retold(house, fixture), { secret })).toMatchObject({
          status: 200,
          accepted: [{}],
        });
      }
      expect((await post(house, readFixture('single-view'), { secret: 'neither' })).status).toBe(401);
    } finally {
      await house.close();
    }
  });
});
