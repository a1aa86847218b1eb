import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import {
  aboutMeeting,
  haveRecorded,
  outcomeOf,
  post,
  readFixture,
  retold,
} from '../support/zoom-fixtures.ts';

const DAY_MS = 86_400_000;

/** Some fixtures speak of the same meeting; here each has one of its own, but where the uuid is the point. */
const uuidOf = (name: string) =>
  name === 'uuid-with-slashes' ? readFixture(name).payload.object.uuid : `example-${name}==`;

/** A video that has come home and whose website knows of it. */
function home(title: string, fileName: string, more: object = {}) {
  return {
    title,
    kind: 'video',
    state: 'done',
    files: [fileName],
    video: title,
    captions: [],
    heard: 1,
    ...more,
  };
}

/** A companion that lies in the archive and nowhere else. */
function beside(title: string, fileName: string) {
  return { title, kind: 'companion', state: 'done', files: [fileName], video: null, captions: [], heard: 0 };
}

const ALGEBRA = 'Algebra, group 2';
const MP4 = 'zoom/<day>/Algebra-group-2-<id>.mp4';

describe('an event of Zoom', () => {
  let house: House;

  beforeAll(async () => {
    house = await openHouse();
    await house.startWorker();
  });
  afterAll(() => house.close());

  async function ignoredOf(uuid: string) {
    const response = await fetch(`${house.config.pipeline.url}/api/zoom/ignored?limit=1000`);
    const { ignored } = (await response.json()) as {
      ignored: { meeting_uuid: string; recording_type: string; reason: string; times: number }[];
    };
    return ignored.filter(({ meeting_uuid }) => meeting_uuid === uuid);
  }

  /** Sends a fixture and waits until all that it brings is where it belongs. */
  async function bring(name: string) {
    const uuid = uuidOf(name);
    const fixture = aboutMeeting(readFixture(name), uuid);
    await haveRecorded(house, fixture);
    const { status } = await post(house, retold(house, fixture));
    expect(status).toBe(200);
    return await outcomeOf(house, uuid);
  }

  it('with one view brings one video', async () => {
    expect(await bring('single-view')).toEqual([home(ALGEBRA, MP4)]);
  });

  it('with five views of one time brings the one that shows most', async () => {
    expect(await bring('five-views')).toEqual([home(ALGEBRA, MP4)]);

    const [recording] = await house.recordings.ofGroup(`zoom:${uuidOf('five-views')}`);
    expect(recording?.details['recording_type']).toMatch(/^shared_screen_with_speaker_view/);
    expect((await ignoredOf(uuidOf('five-views'))).map(({ reason }) => reason).sort()).toEqual([
      ...Array(4).fill('another-view'),
      'not-wanted',
    ]);
  });

  it('B7 with three segments brings one video of each, numbered by their start', async () => {
    const name = 'zoom/<day>/Algebra-group-2-part';
    expect(await bring('three-segments-two-views')).toEqual([
      home(`${ALGEBRA} (part 1 of 3)`, `${name}-1-of-3-<id>.mp4`),
      home(`${ALGEBRA} (part 2 of 3)`, `${name}-2-of-3-<id>.mp4`),
      home(`${ALGEBRA} (part 3 of 3)`, `${name}-3-of-3-<id>.mp4`),
    ]);

    const heard = house.heard('recording.published').map(({ body }) => (body as Announced).data);
    expect(heard.filter(({ title }) => title.includes('part')).map(({ details }) => details)).toMatchObject([
      { part: 1, parts: 3 },
      { part: 2, parts: 3 },
      { part: 3, parts: 3 },
    ]);
  });

  it('with thin entries brings what the settings want, and the video in any case', async () => {
    expect(await bring('thin-entries')).toEqual([home(ALGEBRA, MP4)]);

    expect(
      (await ignoredOf(uuidOf('thin-entries'))).map(({ recording_type }) => recording_type).sort(),
    ).toEqual(['cc', 'timeline']);
  });

  it('that comes again with other addresses brings nothing more', async () => {
    const fixture = aboutMeeting(readFixture('single-view'), 'exampleUuid0000again00A==');
    const again = aboutMeeting(readFixture('single-view-again-other-urls'), 'exampleUuid0000again00A==');
    await haveRecorded(house, fixture);

    const first = await post(house, retold(house, fixture));
    const second = await post(house, retold(house, again, Date.now() + 1000));

    expect([first, second].map(({ accepted }) => accepted[0]?.duplicate)).toEqual([false, true]);
    expect(await outcomeOf(house, 'exampleUuid0000again00A==')).toEqual([home(ALGEBRA, MP4)]);
  });

  it('B15 brings the chat beside the video, and leaves what is not wanted', async () => {
    expect(await bring('video-audio-chat-timeline')).toEqual([
      home(ALGEBRA, MP4),
      beside(ALGEBRA, MP4.replace('mp4', 'txt')),
    ]);

    const [video, chat] = await house.recordings.ofGroup(`zoom:${uuidOf('video-audio-chat-timeline')}`);
    const stem = (await house.recordings.progress(video?.id ?? '')).facts.archive?.fileName.replace(
      '.mp4',
      '',
    );
    expect((await house.recordings.progress(chat?.id ?? '')).facts.archive?.fileName).toBe(`${stem}.txt`);
  });

  it('without a video brings the sound as the recording', async () => {
    expect(await bring('audio-only')).toEqual([
      home(ALGEBRA, MP4.replace('mp4', 'm4a')),
      beside(ALGEBRA, MP4.replace('mp4', 'txt')),
    ]);
  });

  it.each([
    ['a uuid that begins with a slash', 'uuid-with-slashes'],
    ['a duration of zero', 'zero-duration'],
    ['a webinar', 'webinar'],
  ])('of %s brings its video', async (_name, name) => {
    expect(await bring(name)).toMatchObject([{ kind: 'video', state: 'done', captions: [], heard: 1 }]);
  });

  it('brings a view that nobody knows yet, and leaves a file that nobody knows', async () => {
    expect(await bring('unknown-recording-type')).toEqual([home(ALGEBRA, MP4)]);
    expect(await ignoredOf(uuidOf('unknown-recording-type'))).toMatchObject([{ reason: 'unknown-kind' }]);
  });

  it('leaves a file that Zoom is still making', async () => {
    expect(await bring('file-processing')).toEqual([home(ALGEBRA, MP4)]);
    expect(await ignoredOf(uuidOf('file-processing'))).toMatchObject([{ reason: 'processing' }]);
  });

  it('brings the only view later, if Zoom was still making it', async () => {
    const fixture = aboutMeeting(readFixture('single-view'), 'exampleUuid0processing0A=');
    const [file] = fixture.payload.object.recording_files;
    await haveRecorded(house, fixture);
    if (file !== undefined) file.status = 'processing';
    expect((await post(house, retold(house, fixture))).accepted).toEqual([]);

    if (file !== undefined) file.status = 'completed';
    await post(house, retold(house, fixture));

    expect(await outcomeOf(house, 'exampleUuid0processing0A=')).toEqual([home(ALGEBRA, MP4)]);
  });

  it('leaves what holds nothing', async () => {
    expect(await bring('empty-recording')).toEqual([]);
    expect(await ignoredOf(uuidOf('empty-recording'))).toMatchObject([{ reason: 'empty', times: 1 }]);
  });

  it('C30 two days late, with a token that has ended, is fetched with one that Zoom gives today', async () => {
    const fixture = aboutMeeting(readFixture('late-event'), uuidOf('late-event'));
    await haveRecorded(house, fixture);
    await post(house, retold(house, fixture, Date.now() - 2 * DAY_MS));

    expect(await outcomeOf(house, uuidOf('late-event'))).toEqual([home(ALGEBRA, MP4)]);
    expect(house.zoom.requests.map(({ path }) => path)).toContainEqual(
      expect.stringContaining('/v2/meetings/'),
    );
  });

  it('C4 that brings another view of a time that is home already does not bring it twice', async () => {
    const all = aboutMeeting(readFixture('five-views'), 'exampleUuid000twice000A==');
    const gallery = structuredClone(all);
    const { object } = gallery.payload;
    object.recording_files = object.recording_files.filter(
      ({ recording_type }) => recording_type === 'gallery_view',
    );
    await haveRecorded(house, all);

    await post(house, retold(house, gallery));
    await post(house, retold(house, all));

    expect(await outcomeOf(house, 'exampleUuid000twice000A==')).toEqual([home(ALGEBRA, MP4)]);
  });

  describe('with a transcript', () => {
    const VTT = MP4.replace('mp4', 'vtt');

    async function meeting(uuid: string) {
      const video = aboutMeeting(readFixture('single-view'), uuid);
      const transcript = aboutMeeting(readFixture('transcript-completed'), uuid);
      const both = structuredClone(video);
      both.payload.object.recording_files.push(...transcript.payload.object.recording_files);
      await haveRecorded(house, both);
      // Zoom shows a transcript from now on.
      house.zoom.transcriptCompleted({ uuid });
      return { video, transcript };
    }

    it('C32 after the video gives the video its captions', async () => {
      const uuid = 'exampleUuid00after0000A==';
      const { video, transcript } = await meeting(uuid);
      await post(house, retold(house, video));
      await outcomeOf(house, uuid);

      await post(house, retold(house, transcript));

      expect(await outcomeOf(house, uuid)).toEqual([
        home(ALGEBRA, MP4, { captions: ['en'] }),
        beside(ALGEBRA, VTT),
      ]);
    });

    it('before the video waits for it on our disk, at no cost of an attempt', async () => {
      const uuid = 'exampleUuid0before0000A==';
      const { video, transcript } = await meeting(uuid);
      const { accepted } = await post(house, retold(house, transcript));
      const id = accepted[0]?.id ?? '';
      await expect
        .poll(async () => (await house.recordings.get(id))?.lastError?.code)
        .toBe('WAITING_FOR_VIDEO');
      expect((await house.recordings.progress(id)).facts.fetch).toBeDefined();

      await post(house, retold(house, video));

      expect(await outcomeOf(house, uuid)).toEqual([
        beside(ALGEBRA, VTT),
        home(ALGEBRA, MP4, { captions: ['en'] }),
      ]);
      expect((await house.recordings.get(id))?.failedAttempts).toBe(0);
      const [shown] = house.bunny
        .videos()
        .filter(({ captions }) => captions.length > 0)
        .slice(-1);
      expect(shown?.captions[0]).toMatchObject({ label: 'English', text: expect.stringMatching(/^WEBVTT/) });
    });

    it('that is a web page fails alone: the video comes home, and the website hears of no failure', async () => {
      const uuid = 'exampleUuid00broken000A==';
      const { video, transcript } = await meeting(uuid);
      await post(house, retold(house, video));
      await outcomeOf(house, uuid);
      house.zoom.fail({
        on: 'GET /rec/*',
        count: 1000,
        status: 200,
        headers: { 'content-type': 'text/vtt' },
        body: '<!doctype html><title>Sign in</title>'.padEnd(500),
      });

      await post(house, retold(house, transcript, Date.now() - DAY_MS / 2));

      expect(await outcomeOf(house, uuid)).toEqual([
        home(ALGEBRA, MP4),
        { ...beside(ALGEBRA, VTT), state: 'failed', files: [] },
      ]);
      house.zoom.faults.clear();
      const [, failed] = await house.recordings.ofGroup(`zoom:${uuid}`);
      expect(await house.deliveries.ofRecording(failed?.id ?? '')).toEqual([]);
    });
  });

  it('leaves nothing on the disk, and no unfinished file', async () => {
    const files = async () => (await house.staged()).filter((path) => path.includes('/'));
    await expect.poll(files).toEqual([]);
    expect(house.b2.unfinished()).toEqual([]);
    expect(house.bunny.videos().filter(({ sha256 }) => sha256 === undefined)).toEqual([]);
  });
});

interface Announced {
  readonly data: { readonly title: string; readonly details: Record<string, unknown> };
}
