import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dailyLimit, perSecondLimit } from '../../simulators/zoom/rate-limits.ts';
import { startZoomSimulator, type ZoomSimulator } from '../../simulators/zoom/simulator.ts';
import { createZoomApi, isMissingScope, isUnknownHost, type ZoomApi } from '../../src/outside/zoom/client.ts';
import { IDLE_TIMEOUT_MS } from '../support/transport-faults.ts';

const { signal } = new AbortController();
const DAYS = { from: '2026-01-01', to: '2026-01-31', signal };

let folder: string;
let path: string;
let simulator: ZoomSimulator;
let api: ZoomApi;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zoom-api-'));
  path = join(folder, 'view.mp4');
  await writeFile(path, 'bytes');
  await start();
});

afterEach(async () => {
  await simulator.close();
  await rm(folder, { recursive: true });
});

async function start(options: Parameters<typeof startZoomSimulator>[0] = {}): Promise<void> {
  simulator = await startZoomSimulator(options);
  const { apiUrl, oauthUrl, accountId, clientId, clientSecret } = simulator;
  const credentials = { accountId, clientId, clientSecret };
  api = createZoomApi({ apiUrl, oauthUrl, credentials, idleTimeoutMs: IDLE_TIMEOUT_MS });
}

function record(topic: string, more: object = {}) {
  return simulator.addMeeting({ topic, startTime: '2026-01-05T09:00:00Z', files: [{ path }], ...more });
}

const topicsOf = ({ items }: Awaited<ReturnType<ZoomApi['listOfAccount']>>) =>
  items.map(({ meeting }) => meeting.topic);

describe('a listing', () => {
  it('of the account tells meetings of all hosts within the days, with their files and links', async () => {
    await record('Algebra', { hostEmail: 'a@example.com' });
    await record('Geometry', { hostEmail: 'b@example.com' });
    await record('Later', { startTime: '2026-02-05T09:00:00Z' });

    const page = await api.listOfAccount(DAYS);

    expect(topicsOf(page).sort()).toEqual(['Algebra', 'Geometry']);
    expect(page.nextPageToken).toBeUndefined();
    expect(page.items[0]).toMatchObject({
      meeting: {
        files: [{ fileType: 'MP4', bytes: 5, downloadUrl: expect.stringContaining('/rec/download/') }],
      },
      links: [expect.stringContaining('/rec/share/'), expect.stringContaining('/rec/play/')],
    });
  });

  it('goes on with the page token, to the end', async () => {
    for (let index = 0; index < 301; index += 1) await record(`Lesson ${index}`);

    const first = await api.listOfAccount(DAYS);
    const second = await api.listOfAccount({ ...DAYS, pageToken: first.nextPageToken });

    expect([first.items.length, second.items.length, second.nextPageToken]).toEqual([300, 1, undefined]);
  });

  it('of a host tells that host’s meetings, and of one that the account does not have that it has none', async () => {
    await record('Algebra', { hostEmail: 'a@example.com' });
    await record('Geometry', { hostEmail: 'b@example.com' });

    expect(topicsOf(await api.listOfHost({ ...DAYS, host: 'a@example.com' }))).toEqual(['Algebra']);
    const error: unknown = await api.listOfHost({ ...DAYS, host: 'nobody@example.com' }).catch((e) => e);
    expect(isUnknownHost(error)).toBe(true);
  });

  it('that the app has no scope for is refused as such', async () => {
    await simulator.close();
    await start({ scope: 'cloud_recording:read:list_recording_files:admin' });

    const error: unknown = await api.listOfAccount(DAYS).catch((caught) => caught);

    expect(error).toMatchObject({ code: 'REMOTE_REJECTED' });
    expect(isMissingScope(error)).toBe(true);
  });
});

describe('an answer that is odd', () => {
  const LIST = 'GET /v2/accounts/me/recordings';
  const say = (on: string, body: unknown) => simulator.fail({ on, status: 200, body: JSON.stringify(body) });

  it.each([
    ['an entry that is none', { meetings: [null, 'x', { uuid: 'u', topic: null }] }, ['u'], 2],
    ['no list', { meetings: null }, [], 0],
    ['no page token', { meetings: [{ uuid: 'u', id: '812 3456 7890' }], next_page_token: null }, ['u'], 0],
    [
      'numbers in quotes',
      { meetings: [{ uuid: 'u', id: '1', duration: '30', recording_files: {} }] },
      ['u'],
      0,
    ],
    ['a meeting without UUID', { meetings: [{ id: 81234567890 }] }, ['81234567890'], 0],
  ])('costs nothing but what cannot be read: %s', async (_name, body, uuids, unreadable) => {
    say(LIST, body);

    const page = await api.listOfAccount(DAYS);

    expect(page.items.map(({ meeting }) => meeting.uuid)).toEqual(uuids);
    expect(page).toMatchObject({ unreadable, nextPageToken: undefined });
  });

  it('names users by their address where they have no id, and leaves out what is none', async () => {
    say('GET /v2/users', { users: [{ email: 'a@example.com' }, null, { id: 7, email: null }] });

    expect(await api.listUsers({ signal })).toMatchObject({
      items: [
        { id: 'a@example.com', email: 'a@example.com' },
        { id: '7', email: null },
      ],
      unreadable: 1,
    });
  });

  it.each([
    ['a list of something else', '{"meetings":"many"}'],
    ['no object', '[]'],
    ['no JSON', '<html>'],
  ])('is an error that may heal, if it is %s', async (_name, body) => {
    simulator.fail({ on: LIST, status: 200, body });

    await expect(api.listOfAccount(DAYS)).rejects.toMatchObject({
      code: 'REMOTE_ANSWER_INVALID',
      retry: 'backoff',
    });
  });

  it('tells what Zoom calls its reason, and a missing scope by that alone', async () => {
    const refused = async (body: string) => {
      simulator.fail({ on: LIST, status: 400, body });
      return await api.listOfAccount(DAYS).catch((error) => error);
    };

    const scope = await refused('{"code":4711,"message":"whatever the wording"}');
    const other = await refused('{"code":300,"message":"this scope of days is too long"}');

    expect(scope).toMatchObject({ details: { status: 400, zoomCode: 4711 } });
    expect([isMissingScope(scope), isMissingScope(other)]).toEqual([true, false]);
  });
});

describe('C29 a meeting', () => {
  it.each([
    ['an ordinary UUID', 'ajXp112QmuoKj4854875=='],
    ['a UUID that begins with a slash', '/ajXp112QmuoKj485487=='],
    ['a UUID with two slashes', 'ajXp//112QmuoKj48548=='],
  ])('is found by %s, with a token for its files, and its file goes to the trash', async (_name, uuid) => {
    const { files } = await record('Algebra', { uuid });
    const file = { meetingUuid: uuid, fileId: files[0]?.id ?? '', signal };

    expect(await api.findMeeting({ uuidOrNumber: uuid, signal })).toMatchObject({
      meeting: { uuid, topic: 'Algebra' },
      downloadToken: expect.any(String),
    });
    expect(await api.trashFile(file)).toBe(true);
    expect(simulator.meeting({ uuid })?.files.map(({ state }) => state)).toEqual(['trashed']);
    expect(await api.trashFile(file)).toBe(false);
    expect(await api.findMeeting({ uuidOrNumber: uuid, signal })).toBeUndefined();
  });

  it('found by its number is the latest', async () => {
    await record('First', { id: 85_512_345_678 });
    await record('Second', { id: 85_512_345_678, startTime: '2026-01-12T09:00:00Z' });

    const found = await api.findMeeting({ uuidOrNumber: '85512345678', signal });

    expect(found?.meeting.topic).toBe('Second');
  });

  it('names the audio of a participant by its own id, opened by the access token where Zoom gives no other', async () => {
    const { uuid, files } = await record('Algebra', {
      files: [{ path }, { path, fileType: 'M4A', participantAudio: true }],
    });
    const { meeting } = (await api.findMeeting({ uuidOrNumber: uuid, signal })) ?? {};
    expect(meeting?.files.map(({ isParticipantAudio }) => isParticipantAudio)).toEqual([false, true]);

    const address = await api.findFile({ meetingUuid: uuid, fileId: files[1]?.id ?? '', signal });

    expect(address).toEqual({
      url: expect.stringContaining('/rec/download/'),
      token: expect.any(String),
      bytes: 5,
    });
  });
});

describe('a limit of Zoom', () => {
  const LIST = 'GET /v2/accounts/me/recordings';
  const refused = () => api.listOfAccount(DAYS).catch((caught) => caught);

  it('per second wants the usual pause', async () => {
    simulator.fail(perSecondLimit(LIST));
    expect(await refused()).toMatchObject({ code: 'REMOTE_THROTTLED', retry: 'backoff' });
  });

  it('per day wants a pause until the time that Retry-After names', async () => {
    simulator.fail(dailyLimit(LIST, new Date(Date.now() + 3_600_000)));

    const { code, retry } = await refused();

    expect(code).toBe('REMOTE_THROTTLED');
    expect(retry.afterMs).toBeGreaterThan(3_500_000);
    expect(retry.afterMs).toBeLessThanOrEqual(3_600_000);
  });

  it('per day without a time wants a pause until midnight in UTC', async () => {
    const headers = { 'x-ratelimit-type': 'Daily-limit' };
    simulator.fail({ on: LIST, status: 429, headers, body: '{"code":429,"message":"daily rate limit"}' });

    const { retry } = await refused();

    const midnightMs = new Date().setUTCHours(24, 0, 0, 0);
    expect(Math.abs(Date.now() + retry.afterMs - midnightMs)).toBeLessThan(5000);
  });
});
