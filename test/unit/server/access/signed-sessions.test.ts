import { describe, expect, it } from 'vitest';
import { ADMIN } from '../../../../src/domain/access.ts';
import { createSignedSessions, SESSION_MS } from '../../../../src/server/access/sessions.ts';

/** What the doors of several hosts have in common, as their ledger keeps it. */
function ledgerWith(key: string) {
  const ended: string[] = [];
  return {
    key: async () => key,
    end: async (digest: string) => void ended.push(digest),
    ended: async () => ended,
  };
}

const open = (
  shared: ReturnType<typeof ledgerWith>,
  more: { adminToken?: string; now?: () => number } = {},
) => createSignedSessions({ shared, adminToken: 'the token', onUnwritten: () => {}, ...more });

describe('a session of several hosts', () => {
  it('is known at every door that has the same key and token, and at no other', async () => {
    const shared = ledgerWith('key');
    const token = (await open(shared)).begin(ADMIN);

    expect((await open(shared)).holderOf(token)).toEqual(ADMIN);
    expect((await open(ledgerWith('another key'))).holderOf(token)).toBeUndefined();
    expect((await open(shared, { adminToken: 'another token' })).holderOf(token)).toBeUndefined();
  });

  it('is none once a letter of it is another one', async () => {
    const sessions = await open(ledgerWith('key'));
    const token = sessions.begin({ ...ADMIN, role: 'viewer' });
    for (const at of [0, 10, token.indexOf('.') + 5]) {
      const other = token[at] === 'A' ? 'B' : 'A';
      expect(sessions.holderOf(token.slice(0, at) + other + token.slice(at + 1))).toBeUndefined();
    }
    const [said = ''] = token.split('.');
    for (const guess of ['', '.', said, `${said}.`, `.${said}`, 'x.y']) {
      expect(sessions.holderOf(guess)).toBeUndefined();
    }
  });

  it('ends with its time', async () => {
    let nowMs = 1;
    const sessions = await open(ledgerWith('key'), { now: () => nowMs });
    const token = sessions.begin(ADMIN);
    nowMs += SESSION_MS - 1;
    expect(sessions.holderOf(token)).toEqual(ADMIN);
    nowMs += 1;
    expect(sessions.holderOf(token)).toBeUndefined();
  });

  it('that is ended at one door is at the others with their next look, and others go on', async () => {
    const shared = ledgerWith('key');
    const [here, there] = [await open(shared), await open(shared)];
    const [mine, other] = [here.begin(ADMIN), here.begin(ADMIN)];

    here.end(mine);

    expect(here.holderOf(mine)).toBeUndefined();
    await there.refresh();
    expect([there.holderOf(mine), there.holderOf(other)]).toEqual([undefined, ADMIN]);
  });
});
