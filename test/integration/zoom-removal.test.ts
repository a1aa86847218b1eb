import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MeetingRef, ZoomEvent } from '../../simulators/zoom/events.ts';
import type { FileInput } from '../../simulators/zoom/meetings.ts';
import { type House, openHouse, writeVideo } from '../support/house.ts';

const DAY_MS = 86_400_000;

/** Records a meeting with one video, or with these files, and announces it; the ids of what was accepted. */
async function announce(house: House, topic: string, more: { files?: FileInput[]; eventAtMs?: number } = {}) {
  const path = await writeVideo(join(house.files, `${topic}.mp4`), 0);
  const files = more.files ?? [{ path, recordingType: 'gallery_view' }];
  const meeting = await house.zoom.addMeeting({ topic, files: files.map((file) => ({ path, ...file })) });
  const event = house.zoom.recordingCompleted(meeting, { event_ts: more.eventAtMs ?? Date.now() });
  const { accepted } = await tell(house, event);
  return { meeting, ids: accepted.map(({ id }) => id) };
}

async function tell(house: House, event: ZoomEvent | object) {
  const { status, body } = await house.zoom.send(house.webhookUrl, event as ZoomEvent);
  expect(status).toBe(200);
  return JSON.parse(body) as { accepted: { id: string }[]; affected?: string[] };
}

const statesOf = (house: House, meeting: MeetingRef) =>
  house.zoom.meeting(meeting)?.files.map(({ state }) => state);

const pause = (house: House, how: 'pause' | 'resume') => house.post(`/api/line/${how}`, {});

describe('C42 a meeting that is home', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse({ ZOOM_TRASH_AFTER: 'published' });
    await house.startWorker();
  });
  afterAll(() => house.close());

  it('goes to the trash of Zoom, file by file: what is archived, and never what was left', async () => {
    const views = ['gallery_view', 'shared_screen_with_speaker_view', 'audio_only'];
    const files = views.map((recordingType) => ({
      recordingType,
      ...(recordingType === 'audio_only' ? { fileType: 'M4A' } : {}),
    }));
    const { meeting, ids } = await announce(house, 'Two views', { files });

    const moved = async () =>
      (await house.recordings.events(ids[0])).filter(({ type }) => type === 'trash.moved');
    await expect.poll(moved, { timeout: 10_000 }).toMatchObject([{ data: { wasThere: true } }]);

    expect(statesOf(house, meeting)).toEqual(['present', 'trashed', 'present']);
    const deletions = house.zoom.requests.filter(({ method }) => method === 'DELETE');
    expect(deletions.every(({ query }) => query.includes('action=trash'))).toBe(true);
  });

  it('stays with Zoom as long as one of its recordings is not home, and goes once that is', async () => {
    const at = (minute: number) => new Date(Date.now() - DAY_MS + minute * 60_000).toISOString();
    const files = [0, 30].map((minute) => ({ recordingStart: at(minute), recordingEnd: at(minute + 20) }));
    await pause(house, 'pause');
    const { meeting, ids } = await announce(house, 'Two parts', { files });
    await house.post(`/api/recordings/${ids[1]}/set-aside`, {});
    await pause(house, 'resume');
    await house.reaches(ids[0] ?? '', 'done');
    const looked = async () => (await house.zoomTrash.get(ids[0] ?? ''))?.looks ?? 0;
    await expect.poll(looked, { timeout: 10_000 }).toBeGreaterThan(1);
    expect(statesOf(house, meeting)).toEqual(['present', 'present']);

    await house.post(`/api/recordings/${ids[1]}/retry`, {});

    await expect.poll(() => statesOf(house, meeting), { timeout: 10_000 }).toEqual(['trashed', 'trashed']);
  });

  it('counts as moved if somebody was quicker, and is tried again after a refusal, once in its history', async () => {
    await pause(house, 'pause');
    const { meeting, ids } = await announce(house, 'Twice');
    house.zoom.fail({ on: 'DELETE /v2/meetings/*', drop: 'after-handling' });
    await pause(house, 'resume');

    const moved = async () =>
      (await house.recordings.events(ids[0])).filter(({ type }) => type === 'trash.moved');
    await expect.poll(moved, { timeout: 10_000 }).toMatchObject([{ data: { wasThere: false } }]);
    expect(statesOf(house, meeting)).toEqual(['trashed']);
    // What Zoom tells of that is no news.
    await tell(house, house.zoom.trash(meeting));
    expect(await moved()).toHaveLength(1);
  });

  it('stays with Zoom if the archive no longer has it', async () => {
    await pause(house, 'pause');
    const { meeting, ids } = await announce(house, 'Lost');
    house.b2.fail({
      on: 'POST /b2api/v3/b2_get_file_info',
      count: 50,
      status: 404,
      body: '{"status":404,"code":"not_found","message":"no such file"}',
    });
    await pause(house, 'resume');

    await expect.poll(() => house.history(ids[0] ?? ''), { timeout: 10_000 }).toContain('trash.given-up');
    house.b2.faults.clear();
    expect(statesOf(house, meeting)).toEqual(['present']);
  });
});

describe('C42 with ZOOM_TRASH_AFTER=playable a meeting', () => {
  it('stays with Zoom until its video can be watched', async () => {
    const house = await openHouse({ ZOOM_TRASH_AFTER: 'playable', PLAYABLE_POLL_MIN_S: '1' });
    try {
      await house.startWorker();
      const { meeting, ids } = await announce(house, 'Watched');

      await expect.poll(() => statesOf(house, meeting), { timeout: 15_000 }).toEqual(['trashed']);

      // It is written once Zoom has done it.
      await expect.poll(() => house.history(ids[0] ?? '')).toContain('trash.moved');
      const history = await house.history(ids[0] ?? '');
      expect(history.indexOf('trash.moved')).toBeGreaterThan(history.indexOf('video.playable'));
      expect(history).toContain('video.playable');
    } finally {
      await house.close();
    }
  });
});

describe('a recording that somebody removes from Zoom before it is home', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse();
    await house.startWorker();
  });
  afterAll(() => house.close());

  it.each([
    ['trashed', 'trash', 'ZOOM_TRASHED'],
    ['deleted', 'deleted', 'ZOOM_DELETED'],
  ] as const)(
    'fails with advice of its own when it was %s, and is tried before all others',
    async (how, act, code) => {
      await pause(house, 'pause');
      const before = await announce(house, `before-${how}`);
      const { meeting, ids } = await announce(house, `gone-${how}`);
      const { affected } = await tell(house, house.zoom[act](meeting));
      expect(affected).toEqual(ids);
      expect((await house.recordings.get(ids[0] ?? ''))?.place).toBeLessThan(0);

      await pause(house, 'resume');

      expect(await house.reaches(ids[0] ?? '', 'done', 'failed')).toBe('failed');
      const failed = await house.recordings.get(ids[0] ?? '');
      expect(failed).toMatchObject({ lastError: { code }, failedAttempts: 1 });
      await house.reaches(before.ids[0] ?? '', 'done');
      const first = await house.recordings.get(before.ids[0] ?? '');
      expect(failed?.startedAtMs).toBeLessThan(first?.startedAtMs ?? 0);
    },
  );

  it('comes home after all once it is taken back from the trash', async () => {
    const { meeting, ids } = await announceTrashed('recovered');

    await tell(house, house.zoom.recovered(meeting));

    expect(await house.reaches(ids[0] ?? '', 'done')).toBe('done');
    expect(await house.history(ids[0] ?? '')).toContain('zoom.recovered');
  });

  it('fails in the same way, and comes home once it is back, if that was told before it was announced', async () => {
    const path = await writeVideo(join(house.files, 'overtaken.mp4'), 0);
    const meeting = await house.zoom.addMeeting({ topic: 'Overtaken', files: [{ path }] });
    const completed = house.zoom.recordingCompleted(meeting, { event_ts: Date.now() - 1000 });
    await tell(house, house.zoom.trash(meeting));
    const { accepted } = await tell(house, completed);
    const id = accepted[0]?.id ?? '';

    expect(await house.reaches(id, 'done', 'failed')).toBe('failed');
    expect(await house.recordings.get(id)).toMatchObject({ lastError: { code: 'ZOOM_TRASHED' } });
    expect(await house.history(id)).toContain('zoom.trashed');
    await tell(house, house.zoom.recovered(meeting));
    expect(await house.reaches(id, 'done')).toBe('done');
  });

  it.each([
    [
      'meetings and their files',
      (uuid: string, id: string) => ({ meetings: [{ meeting_uuid: uuid, recording_file_ids: [id] }] }),
    ],
    ['meetings only', (uuid: string) => ({ meeting_uuids: [uuid] })],
  ])('is followed in events about many that name %s', async (name, objectOf) => {
    const { meeting, ids } = await announceTrashed(`batch ${name}`);
    const recovered = house.zoom.recovered(meeting);
    const object = objectOf(meeting.uuid, meeting.files[0]?.id ?? '');

    const { affected } = await tell(house, {
      ...recovered,
      event: 'recording.batch_recovered',
      payload: { account_id: recovered.payload.account_id, object },
    });

    expect(affected).toEqual(ids);
    expect(await house.reaches(ids[0] ?? '', 'done')).toBe('done');
  });

  it('is none that is home: that stays as it is', async () => {
    const { meeting, ids } = await announce(house, 'home');
    await house.reaches(ids[0] ?? '', 'done');

    expect(await tell(house, house.zoom.trash(meeting))).toEqual({
      accepted: [],
      ignored: 'recording.trashed',
    });

    expect(await house.recordings.get(ids[0] ?? '')).toMatchObject({ state: 'done' });
  });

  async function announceTrashed(topic: string) {
    await pause(house, 'pause');
    const announced = await announce(house, topic);
    await tell(house, house.zoom.trash(announced.meeting));
    await pause(house, 'resume');
    await house.reaches(announced.ids[0] ?? '', 'failed');
    return announced;
  }
});

describe('C30 an event that comes two days late', () => {
  it('brings its transcript too, with the token that Zoom gives today', async () => {
    const house = await openHouse();
    try {
      await house.startWorker();
      const { meeting, ids } = await announce(house, 'Late', { eventAtMs: Date.now() - 2 * DAY_MS });
      const transcript = house.zoom.transcriptCompleted(meeting, { event_ts: Date.now() - 2 * DAY_MS + 1 });
      house.zoom.expireTokens('download');
      const { accepted } = await tell(house, transcript);

      for (const id of [...ids, ...accepted.map((each) => each.id)]) {
        expect(await house.reaches(id, 'done', 'failed')).toBe('done');
      }
      expect(accepted).toHaveLength(1);
    } finally {
      await house.close();
    }
  });
});
