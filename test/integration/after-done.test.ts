import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  clearFaults,
  emptyRemotes,
  happens,
  QUICK_SETTINGS,
  sendTranscript,
} from '../support/faults-house.ts';
import { digestOf, type House, openHouse, writeVideo } from '../support/house.ts';

let house: House;

beforeAll(async () => {
  house = await openHouse({ ...QUICK_SETTINGS, SITE_RETRY_SCHEDULE_S: '0,0,0,0,0,0,0,0' });
  await house.startWorker();
});
afterAll(() => house.close());
afterEach(async () => {
  clearFaults(house);
  await emptyRemotes(house);
});

async function act(id: string, action: string, body: object = {}) {
  const response = await house.post(`/api/recordings/${id}/${action}`, body);
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  return { status: response.status, body: (await response.json()) as any };
}

const title = () => `Lesson ${randomBytes(4).toString('hex')}`;

/** A recording that is home and can be watched, and has nothing more to be told of. */
async function addPlayable(name = title()) {
  const sent = await house.addZoom(name);
  await happens(house, sent.id, 'video.playable');
  await house.reaches(sent.id, 'done');
  await vi.waitFor(() => expect(heardOf(sent.id)).toEqual(['recording.published', 'recording.playable']));
  const { facts } = await house.recordings.progress(sent.id);
  return { ...sent, title: name, videoId: facts.publish?.videoId ?? '', fileName: facts.archive?.fileName };
}

/** What the website has heard of a recording, in its order, each id once. */
function messagesOf(id: string) {
  const heard = new Map<string, { type: string; data: Record<string, unknown> }>();
  for (const each of house.site.received()) {
    const body = each.body as { type: string; data: Record<string, unknown> };
    if (each.isValid && body.data['id'] === id) heard.set(each.id ?? '', body);
  }
  return [...heard.values()];
}
const heardOf = (id: string) => messagesOf(id).map(({ type }) => type);
const videoTitles = () => house.bunny.videos().map((video) => video.title);
const videoIds = () => house.bunny.videos().map(({ guid }) => guid);
const filesOf = async (id: string) =>
  (await house.b2.files()).filter((file) => file.fileInfo['sluice_recording'] === id);

describe('renaming', () => {
  it('gives a published recording its new title here, in Bunny and on the website; its archived file keeps its name', async () => {
    const { id, title: old, fileName } = await addPlayable();

    expect(await act(id, 'rename', { title: '  Algèbre\n2 ' })).toMatchObject({
      status: 200,
      body: { state: 'done', title: 'Algèbre 2' },
    });

    await vi.waitFor(() => expect(videoTitles()).toEqual(['Algèbre 2']), { timeout: 5000 });
    await vi.waitFor(() => expect(heardOf(id)).toContain('recording.renamed'));
    expect(messagesOf(id).at(-1)?.data).toMatchObject({ title: 'Algèbre 2', previous_title: old });
    expect((await filesOf(id)).map((file) => file.fileName)).toEqual([fileName]);
    expect(await (await fetch(`${house.config.pipeline.url}/api/recordings?q=algebre`)).json()).toMatchObject(
      {
        recordings: [{ id }],
      },
    );
    expect(house.bunny.videos()[0]?.metaTags).toContainEqual({ property: 'sluice-recording', value: id });
  });

  it('reaches Bunny once that answers again', async () => {
    const { id } = await addPlayable();
    house.bunny.fail({ on: 'POST /library/*/videos/*', count: 1, status: 503, body: '{}' });

    await act(id, 'rename', { title: 'Later' });

    await vi.waitFor(() => expect(videoTitles()).toEqual(['Later']), { timeout: 15_000, interval: 100 });
  });

  it('is kept by what has not been published yet, and is what the website hears first', async () => {
    await house.post('/api/line/pause', {});
    const { id } = await house.addZoom(title());
    await act(id, 'rename', { title: 'Before' });
    await house.post('/api/line/resume', {});

    await house.announced(id);

    await vi.waitFor(() => expect(heardOf(id)).toContain('recording.published'));
    expect(messagesOf(id)[0]).toMatchObject({ type: 'recording.published', data: { title: 'Before' } });
    expect(heardOf(id)).not.toContain('recording.renamed');
    expect(videoTitles()).toEqual(['Before']);
  });

  it('refuses a title of nothing, and a recording that is not there', async () => {
    const { id } = await house.addCustom(title());
    expect(await act(id, 'rename', { title: ' \n ' })).toMatchObject({ status: 400 });
    expect(await act('rec_nope', 'rename', { title: 'X' })).toMatchObject({ status: 404 });
    await house.reaches(id, 'done');
  });
});

describe('publishing again', () => {
  it('makes a new video of the archived file, and removes the old one once the new one can be watched', async () => {
    const sent = await addPlayable();
    const transcript = await sendTranscript(house, sent);
    await house.reaches(transcript.id, 'done');

    expect(await act(sent.id, 'publish-again')).toMatchObject({ status: 200 });
    await happens(house, sent.id, 'video.replaced');
    await house.reaches(sent.id, 'done');
    await house.reaches(transcript.id, 'done');

    const { facts } = await house.recordings.progress(sent.id);
    expect(facts.publish?.videoId).not.toBe(sent.videoId);
    expect(videoIds()).toEqual([facts.publish?.videoId]);
    const [video] = house.bunny.videos();
    expect(video).toMatchObject({ title: sent.title, sha256: await digestOf(sent.path, 'sha256') });
    await vi.waitFor(
      () => expect(house.bunny.videos()[0]?.captions).toMatchObject([{ srclang: 'en' }]),
      5000,
    );
    expect(await filesOf(sent.id)).toHaveLength(1);
    await vi.waitFor(() =>
      expect(heardOf(sent.id)).toEqual([
        'recording.published',
        'recording.playable',
        'recording.published',
        'recording.playable',
      ]),
    );
    expect(messagesOf(sent.id).at(-2)?.data['bunny']).toMatchObject({ video_id: facts.publish?.videoId });
    expect(await house.staged()).toEqual([]);
    expect(await house.recordings.get(sent.id)).not.toHaveProperty('earlierVideoIds');
  });

  it('leaves the earlier video if it is given up, and as long as the archive has no file', async () => {
    const { id, videoId } = await addPlayable();
    const before = await house.recordings.progress(id);
    house.b2.fail({
      on: 'GET *',
      count: 1000,
      status: 404,
      body: '{"code":"not_found","status":404,"message":""}',
    });
    await act(id, 'publish-again');
    await house.reaches(id, 'failed');
    expect(await house.recordings.get(id)).toMatchObject({ lastError: { code: 'ARCHIVED_FILE_GONE' } });
    expect(heardOf(id)).not.toContain('recording.failed');

    clearFaults(house);
    expect(await act(id, 'cancel')).toMatchObject({ status: 200 });
    await house.reaches(id, 'done');

    expect(videoIds()).toEqual([videoId]);
    expect(await filesOf(id)).toHaveLength(1);
    expect(await house.recordings.progress(id)).toEqual(before);
    expect(await house.recordings.get(id)).not.toHaveProperty('isFromArchive');
  });
});

describe('deleting', () => {
  it('removes archived file, video and captions, tells the website, and keeps the history', async () => {
    const sent = await addPlayable();
    const transcript = await sendTranscript(house, sent);
    await house.reaches(transcript.id, 'done');

    expect(await act(sent.id, 'delete', { companions: true })).toMatchObject({
      status: 200,
      body: { state: 'deleting' },
    });
    await house.reaches(sent.id, 'deleted');
    await house.reaches(transcript.id, 'deleted');

    expect(await house.b2.files()).toEqual([]);
    expect(videoIds()).toEqual([]);
    expect(await house.recordings.progress(sent.id)).toEqual({ facts: {}, checkpoints: {} });
    await vi.waitFor(() => expect(heardOf(sent.id).at(-1)).toBe('recording.deleted'));
    expect(messagesOf(sent.id).at(-1)?.data).toMatchObject({
      b2: { file_name: sent.fileName },
      bunny: { video_id: sent.videoId },
    });
    expect(heardOf(transcript.id)).toEqual([]);
    expect(await house.history(sent.id)).toEqual(
      expect.arrayContaining(['recording.done', 'deletion.started', 'recording.deleted']),
    );
    expect(await act(sent.id, 'delete')).toMatchObject({ status: 200, body: { state: 'deleted' } });
  });

  it('leaves companions where they are unless they are to go as well', async () => {
    const sent = await addPlayable();
    const transcript = await sendTranscript(house, sent);
    await house.reaches(transcript.id, 'done');

    await act(sent.id, 'delete');
    await house.reaches(sent.id, 'deleted');

    expect(await filesOf(transcript.id)).toHaveLength(1);
    expect(await house.recordings.get(transcript.id)).toMatchObject({ state: 'done' });
  });

  it('goes on once B2 answers again; the video does not wait for that', async () => {
    const { id } = await addPlayable();
    house.b2.fail({ on: 'POST /b2api/*/b2_list_file_versions', count: 3, status: 503, body: '{}' });

    await act(id, 'delete');
    await happens(house, id, 'withdrawal.failed');
    expect(videoIds()).toEqual([]);
    await house.reaches(id, 'deleted');

    expect(await house.b2.files()).toEqual([]);
  });

  it('tells the website nothing any more of what it has not heard yet', async () => {
    house.site.fail({ on: 'POST *', count: 1000, status: 503, body: '' });
    const { id } = await house.addZoom(title());
    await house.reaches(id, 'done');
    await act(id, 'delete');
    await house.reaches(id, 'deleted');
    house.site.faults.clear();

    const told = (await house.deliveries.ofRecording(id)).map(({ type }) => type);
    expect(told).toEqual(['recording.deleted']);
  });

  it('lets no re-sent event of Zoom bring it back, but somebody who hands it over', async () => {
    const { id, meeting, videoId } = await addPlayable();
    await act(id, 'delete');
    await house.reaches(id, 'deleted');

    await house.zoom.send(house.webhookUrl, house.zoom.recordingCompleted(meeting));
    expect(await house.recordings.get(id)).toMatchObject({ state: 'deleted' });
    await house.post('/api/zoom/ingest', { meeting: meeting.uuid });
    await house.reaches(id, 'done');

    await vi.waitFor(() =>
      expect(heardOf(id).slice(-2)).toEqual(['recording.published', 'recording.playable']),
    );
    expect(videoIds()).toHaveLength(1);
    expect(videoIds()).not.toContain(videoId);
    expect(heardOf(id).filter((type) => type === 'recording.published')).toHaveLength(2);
  });

  it('is refused while nothing is home yet: that is cancelled', async () => {
    await house.post('/api/line/pause', {});
    const { id } = await house.addCustom(title());
    expect(await act(id, 'delete')).toMatchObject({ status: 409, body: { code: 'WRONG_STATE' } });
    await house.post('/api/line/resume', {});
    await house.reaches(id, 'done');
  });

  it('takes earlier videos along of one that is being published again', async () => {
    const { id } = await addPlayable();
    house.b2.fail({
      on: 'GET *',
      count: 1000,
      status: 404,
      body: '{"code":"not_found","status":404,"message":""}',
    });
    await act(id, 'publish-again');
    await house.reaches(id, 'failed');

    expect(await act(id, 'delete')).toMatchObject({ status: 200 });
    await house.reaches(id, 'deleted');

    expect(videoIds()).toEqual([]);
    expect(await filesOf(id)).toEqual([]);
    await vi.waitFor(() => expect(heardOf(id).at(-1)).toBe('recording.deleted'));
  });
});

describe('what was left with Zoom', () => {
  it('comes home after all when somebody wants it, though another view was taken', async () => {
    const path = await writeVideo(join(house.files, `${title()}.mp4`), 0);
    const topic = title();
    const meeting = await house.zoom.addMeeting({
      topic,
      files: [
        { path, recordingType: 'shared_screen_with_speaker_view' },
        { path, recordingType: 'gallery_view' },
      ],
    });
    await house.zoom.send(house.webhookUrl, house.zoom.recordingCompleted(meeting));
    const url = house.config.pipeline.url;
    const listed = async () => {
      const answer = (await (await fetch(`${url}/api/zoom/ignored`)).json()) as {
        ignored: Record<string, string>[];
      };
      return answer.ignored.filter((each) => each['topic'] === topic);
    };
    expect(await listed()).toMatchObject([{ reason: 'another-view', can_bring: true }]);
    const [left] = await listed();

    const answer = await house.post(`/api/zoom/ignored/${left?.['id']}/bring`, {});
    const { id } = (await answer.json()) as { id: string };

    expect(answer.status).toBe(200);
    await house.reaches(id, 'done');
    expect(await house.recordings.get(id)).toMatchObject({
      details: { recording_type: left?.['recording_type'] },
    });
    expect(await listed()).toEqual([]);
    expect((await house.post('/api/zoom/ignored/left_nothing/bring', {})).status).toBe(404);
  });
});

describe('announcements', () => {
  it('show what was sent and answered at each attempt, without the signature', async () => {
    house.site.fail({ on: 'POST *', count: 1000, status: 500, body: 'out of order' });
    const { id } = await house.addCustom(title());
    await house.announced(id);
    const [delivery] = await house.deliveries.ofRecording(id);
    const url = `${house.config.pipeline.url}/api/deliveries`;
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
    const read = async (path = `/${delivery?.id}`) => (await (await fetch(`${url}${path}`)).json()) as any;
    expect((await read('?state=failed')).deliveries).toContainEqual(
      expect.objectContaining({ id: delivery?.id, recording_id: id, state: 'failed' }),
    );

    clearFaults(house);
    await house.post(`/api/deliveries/${delivery?.id}/replay`, {});
    await vi.waitFor(async () => expect(await read()).toMatchObject({ state: 'delivered' }));

    await vi.waitFor(async () => expect((await read()).tries[0]).toMatchObject({ status: 204, error: null }));
    expect((await read()).tries.at(-1)).toMatchObject({
      status: 500,
      answer: 'out of order',
      took_ms: expect.any(Number),
      error: { code: 'REMOTE_UNAVAILABLE' },
    });
    expect(JSON.stringify(await read())).not.toMatch(/v1,[A-Za-z0-9+/]{20}/);
    expect(JSON.parse((await read()).body)).toMatchObject({ type: 'recording.published' });
  });
});
