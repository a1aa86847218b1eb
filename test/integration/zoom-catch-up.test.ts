import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dailyLimit, perSecondLimit } from '../../simulators/zoom/rate-limits.ts';
import { type House, openHouse, writeVideo } from '../support/house.ts';

const DAY_MS = 86_400_000;

const dayBefore = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10);
const timeBefore = (days: number) => `${dayBefore(days)}T09:00:00Z`;

interface Step {
  readonly from: string;
  readonly to: string;
  readonly missing: { topic: string; host_email: string; recordings: { id: string; bytes: number }[] }[];
  readonly next_cursor: string | null;
  readonly code?: string;
}

describe('what no event has brought', () => {
  let house: House;
  let video: string;

  beforeAll(async () => {
    house = await openHouse({}, { zoom: { accountId: 'first-account' } });
    video = await writeVideo(join(house.files, 'lesson.mp4'), 0);
  });
  afterAll(() => house.close());

  function record(topic: string, startTime = timeBefore(1), more: object = {}) {
    return house.zoom.addMeeting({ topic, startTime, files: [{ path: video }], ...more });
  }

  async function call(path: string, body: object) {
    const response = await house.post(path, body);
    return { status: response.status, ...((await response.json()) as object) } as Step & {
      status: number;
      accepted: { id: string; state: string; duplicate: boolean }[];
      ignored: { reason: string }[];
    };
  }

  /** A whole backfill, step by step; the topics of what it has found. */
  async function backfill(body: object): Promise<string[]> {
    const topics: string[] = [];
    let cursor: string | null = null;
    do {
      const step: Step = await call('/api/zoom/backfill', {
        ...body,
        ...(cursor === null ? {} : { cursor }),
      });
      if (step.code !== undefined) throw new Error(step.code);
      topics.push(...step.missing.map(({ topic }) => topic));
      cursor = step.next_cursor;
    } while (cursor !== null);
    return topics.sort();
  }

  describe('B1 one meeting', () => {
    it.each([
      ['its UUID', ({ uuid }: { uuid: string }) => uuid],
      [
        'a UUID that begins with a slash',
        ({ uuid }: { uuid: string }) => uuid,
        { uuid: '/ajXp112QmuoKj4854875==' },
      ],
      ['a UUID with two slashes', ({ uuid }: { uuid: string }) => uuid, { uuid: 'ajXp112//moKj485487500==' }],
      ['its number', ({ id }: { id: number }) => `${id}`, { id: 85_512_345_678 }],
      [
        'the page of the Zoom portal',
        ({ uuid }: { uuid: string }) =>
          `https://us06web.zoom.us/recording/detail?meeting_id=${encodeURIComponent(uuid)}`,
      ],
    ] as const)('comes home when it is named by %s', async (name, say, more: object = {}) => {
      const meeting = await record(`Named by ${name}`, timeBefore(1), more);

      const first = await call('/api/zoom/ingest', { meeting: say(meeting) });
      const second = await call('/api/zoom/ingest', { meeting: say(meeting) });

      expect(first).toMatchObject({
        status: 200,
        topic: `Named by ${name}`,
        accepted: [{ duplicate: false }],
      });
      expect(second.accepted).toMatchObject([{ id: first.accepted[0]?.id, duplicate: true }]);
      const [accepted] = await house.recordings.events(first.accepted[0]?.id);
      expect(accepted).toMatchObject({ type: 'recording.accepted', data: { foundBy: 'ingest' } });
    });

    it('comes home when it is named by the link that people share', async () => {
      const meeting = await record('Shared', timeBefore(40));
      const share = house.zoom.recordingCompleted(meeting).payload.object.share_url;

      const taken = await call('/api/zoom/ingest', { meeting: `${share}?pwd=secret` });

      expect(taken).toMatchObject({ status: 200, topic: 'Shared', accepted: [{ duplicate: false }] });
    });

    it.each([
      ['a UUID that Zoom does not know', 'bm9ib2R5S25vd3NUaGlzMQ==', 404, 'ZOOM_RECORDING_NOT_FOUND'],
      ['a link of nobody', 'https://zoom.us/rec/share/nobody', 404, 'ZOOM_RECORDING_NOT_FOUND'],
      ['something else', 'https://example.com/', 400, 'REQUEST_INVALID'],
    ])('is refused clearly for %s', async (_name, meeting, status, code) => {
      expect(await call('/api/zoom/ingest', { meeting })).toMatchObject({ status, code });
    });
  });

  describe('B16 many meetings', () => {
    it('of months come in spans that Zoom allows, none of them twice, and as a dry run not at all', async () => {
      for (const days of [100, 73, 45, 71]) await record(`Old ${days}`, timeBefore(days));
      const wanted = { from: dayBefore(101), to: dayBefore(44) };
      const before = house.zoom.requests.length;

      const dry = await backfill({ ...wanted, dry_run: true });
      const first = await backfill(wanted);
      const second = await backfill(wanted);

      const old = ['Old 100', 'Old 45', 'Old 71', 'Old 73'];
      expect([dry, first, second]).toEqual([old, old, []]);
      const listed = house.zoom.requests
        .slice(before)
        .filter(({ path }) => path.includes('/accounts/me/recordings'));
      expect(listed).toHaveLength(9);
    });

    it('go page by page where there are many', async () => {
      for (let index = 0; index < 303; index += 1) await record(`Page ${index}`, timeBefore(130));

      const step = await call('/api/zoom/backfill', {
        from: dayBefore(131),
        to: dayBefore(129),
        dry_run: true,
      });

      expect(step.missing).toHaveLength(300);
      expect(await backfill({ from: dayBefore(131), to: dayBefore(129), dry_run: true })).toHaveLength(303);
    });

    it('stand behind all that is new', async () => {
      await record('Long ago', timeBefore(160));
      const { missing } = await call('/api/zoom/backfill', { from: dayBefore(161), to: dayBefore(159) });
      const fresh = await house.addZoom('today');

      const old = await house.recordings.get(missing[0]?.recordings[0]?.id ?? '');
      const now = await house.recordings.get(fresh.id);

      expect(old?.place).toBeGreaterThan(now?.place ?? 0);
      expect((await house.recordings.before({ place: old?.place ?? 0 }))?.place).toBe(0);
    });

    it('of one host come alone', async () => {
      await record('Of the tutor', timeBefore(190), { hostEmail: 'tutor@example.com' });
      await record('Of another', timeBefore(190), { hostEmail: 'other@example.com' });

      const found = await backfill({ from: dayBefore(191), to: dayBefore(189), host: 'tutor@example.com' });

      expect(found).toEqual(['Of the tutor']);
    });

    it('wait out the limit per second, and end at that of the day with its time', async () => {
      const days = { from: dayBefore(3), to: dayBefore(2), dry_run: true };
      house.zoom.fail(perSecondLimit('GET /v2/accounts/me/recordings', 1));
      expect((await call('/api/zoom/backfill', days)).status).toBe(200);

      const untilTomorrow = new Date(Date.now() + DAY_MS / 2);
      house.zoom.fail(dailyLimit('GET /v2/accounts/me/recordings', untilTomorrow));
      expect(await call('/api/zoom/backfill', days)).toMatchObject({ status: 503, code: 'REMOTE_THROTTLED' });
    });

    it.each([
      ['days in the wrong order', { from: '2026-02-01', to: '2026-01-01' }],
      ['something that is no day', { from: 'yesterday' }],
      ['a cursor of somebody else', { from: '2026-01-01', cursor: 'bm8' }],
    ])('are refused for %s', async (_name, body) => {
      expect(await call('/api/zoom/backfill', body)).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
    });
  });

  it('is brought home in the end, with an address that Zoom gives on that day', async () => {
    const meeting = await record('To the end', timeBefore(220));
    await call('/api/zoom/backfill', { from: dayBefore(221), to: dayBefore(219) });
    const [recording] = await house.recordings.ofGroup(`zoom:${meeting.uuid}`);
    await house.post(`/api/recordings/${recording?.id}/move-to-front`, {});
    await house.startWorker();

    expect(await house.reaches(recording?.id ?? '', 'done', 'failed')).toBe('done');
  });
});

describe('an app without the scope for the whole account', () => {
  let house: House;

  beforeAll(async () => {
    const scope = [
      'cloud_recording:read:list_recording_files:admin',
      'cloud_recording:read:list_user_recordings:admin',
      'user:read:list_users:admin',
      'user:read:user:admin',
    ].join(' ');
    house = await openHouse({ ZOOM_SWEEP_EVERY: '1s' }, { zoom: { scope } });
  });
  afterAll(() => house.close());

  it('asks host by host, and takes in by the sweep what was missed and is ready', async () => {
    const path = await writeVideo(join(house.files, 'missed.mp4'), 0);
    const startTime = timeBefore(1);
    const hosts = ['a@example.com', 'b@example.com'];
    for (const hostEmail of hosts) {
      await house.zoom.addMeeting({
        topic: `Missed of ${hostEmail}`,
        hostEmail,
        startTime,
        files: [{ path }],
      });
    }
    const files = [{ path }, { path, status: 'processing' }];
    const unready = await house.zoom.addMeeting({ topic: 'Unready', startTime, files });

    await expect.poll(async () => (await house.recordings.newest(10)).length, { timeout: 20_000 }).toBe(2);

    const found = await house.recordings.newest(10);
    expect(found.map(({ details }) => details['host_email']).sort()).toEqual(hosts);
    for (const { id } of found) {
      expect((await house.recordings.events(id))[0]?.data).toEqual({ source: 'zoom', foundBy: 'sweep' });
    }
    expect(await house.recordings.ofGroup(`zoom:${unready.uuid}`)).toEqual([]);
  });

  it.each([
    [
      'is pending',
      400,
      '{"code":1000,"message":"You can not access settings of users that are still pending."}',
    ],
    ['is gone', 404, '{"code":1001,"message":"User does not exist."}'],
    ['may not be looked at', 403, '{"code":200,"message":"No permission."}'],
    ['is answered about with nonsense', 200, '<html>'],
    ['makes Zoom fail', 503, 'busy'],
  ])('goes on behind a host that %s, and names it', async (name, status, body) => {
    const path = await writeVideo(join(house.files, 'behind.mp4'), 0);
    const topic = `Behind one that ${name}`;
    const startTime = timeBefore(9);
    const files = [{ path }];
    const refused = await house.zoom.addMeeting({
      topic: 'Refused',
      hostEmail: 'c@example.com',
      startTime,
      files,
    });
    for (const hostEmail of ['a@example.com', 'd@example.com']) {
      await house.zoom.addMeeting({ topic, hostEmail, startTime, files });
    }
    const on = `GET /v2/users/${refused.hostId}/recordings`;
    house.zoom.fail({ on, count: 100, status, body, headers: { 'retry-after': '0' } });

    const topics: string[] = [];
    const untold: { host: string; reason: string }[] = [];
    let cursor: string | null = null;
    do {
      const terms = { from: dayBefore(10), to: dayBefore(8), ...(cursor === null ? {} : { cursor }) };
      const response = await house.post('/api/zoom/backfill', terms);
      const step = (await response.json()) as Step & { untold: typeof untold };
      topics.push(...step.missing.map((each) => each.topic));
      untold.push(...step.untold);
      cursor = step.next_cursor;
    } while (cursor !== null);

    house.zoom.faults.clear();
    expect(topics.filter((each) => each === topic)).toHaveLength(2);
    expect(topics).not.toContain('Refused');
    expect(untold).toMatchObject([{ host: 'c@example.com', reason: 'host-refused' }]);
    const ignored = await fetch(`${house.config.pipeline.url}/api/zoom/ignored`);
    expect(JSON.stringify(await ignored.json())).toContain('host-refused');
  });

  it('leaves what an operator has cancelled, whenever it looks again', async () => {
    const [first] = await house.recordings.newest(1);
    await house.post(`/api/recordings/${first?.id}/cancel`, {});
    const before = house.zoom.requests.length;

    await expect.poll(() => house.zoom.requests.length, { timeout: 10_000 }).toBeGreaterThan(before + 8);

    expect((await house.recordings.get(first?.id ?? ''))?.state).toBe('cancelled');
  });
});
