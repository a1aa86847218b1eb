import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startZoomSimulator, type ZoomSimulator } from '../../simulators/zoom/simulator.ts';
import { recordingId } from '../../src/domain/ids.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { SECRET_TOKEN } from '../support/doors.ts';
import { SAMPLE } from '../support/house.ts';
import { openTestLedger, type TestLedger } from '../support/ledger.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/zoom');

let ledger: TestLedger;
let app: TestApp;
let zoom: ZoomSimulator;
let webhookUrl: string;

beforeEach(async () => {
  ledger = await openTestLedger();
  app = await startTestApp(ledger);
  zoom = await startZoomSimulator({ secretToken: SECRET_TOKEN });
  webhookUrl = `${app.url}/zoom-upload`;
});

afterEach(async () => {
  await app.close();
  await zoom.close();
  await ledger.close();
});

function fixture(name: string) {
  return JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'));
}

/** A meeting with one video, as the simulator would announce it. */
async function addMeeting(topic: string, more: object = {}) {
  return await zoom.addMeeting({ topic, files: [{ path: SAMPLE }], ...more });
}

/** Everything in the ledger, oldest first. */
async function accepted() {
  return (await ledger.recordings.newest(1000)).reverse();
}

const typesOf = async (id: string) => (await ledger.recordings.events(id)).map(({ type }) => type);

/** Gives a recording up, as a worker would. */
async function giveUp(id: string): Promise<void> {
  const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
  const fence = lease?.fence ?? 0;
  await ledger.moves.startAttempt(id, fence);
  const error = { code: 'DOWNLOAD_REFUSED', message: 'no' } as const;
  await ledger.moves.fail(id, error, { recordingId: id, type: 'recording.failed', body: '{}' }, fence);
  await lease?.release();
}

describe('a recording that Zoom announces', () => {
  it('R1 is in the ledger with its download link and the details of its meeting before Zoom has its answer', async () => {
    const meeting = await addMeeting('Algebra, group 2', { hostEmail: 'tutor@example.com' });
    const event = zoom.recordingCompleted(meeting);
    const file = event.payload.object.recording_files[0];

    const attempt = await zoom.send(webhookUrl, event);

    const id = recordingId(`zoom:${file?.id}`);
    expect(attempt.status).toBe(200);
    expect(JSON.parse(attempt.body)).toEqual({ accepted: [{ id, state: 'waiting', duplicate: false }] });
    expect(await ledger.recordings.get(id)).toMatchObject({
      source: 'zoom',
      title: 'Algebra, group 2',
      state: 'waiting',
      origin: {
        kind: 'zoom',
        downloadUrl: file?.download_url,
        downloadToken: event.download_token,
        bytes: file?.file_size,
        eventAtMs: event.event_ts,
      },
      details: {
        meeting_id: String(meeting.id),
        meeting_uuid: meeting.uuid,
        topic: 'Algebra, group 2',
        host_email: 'tutor@example.com',
        recording_id: file?.id,
        recording_start: file?.recording_start,
      },
    });
    expect(app.line).toEqual({ pokes: 1, reconciles: 0 });
  });

  it('R4 is not looked at by the door: nobody asks Zoom for anything', async () => {
    await zoom.send(webhookUrl, zoom.recordingCompleted(await addMeeting('Algebra')));

    expect(zoom.requests).toEqual([]);
    expect(zoom.cdn.requests).toEqual([]);
  });

  it('R5 is one of twenty that come at the same moment, and none is lost', async () => {
    const meetings = await Promise.all(Array.from({ length: 20 }, (_, n) => addMeeting(`Lesson ${n}`)));

    const attempts = await Promise.all(
      meetings.map((meeting) => zoom.send(webhookUrl, zoom.recordingCompleted(meeting))),
    );

    expect(attempts.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const waiting = await accepted();
    expect(new Set(waiting.map(({ title }) => title)).size).toBe(20);
    expect(waiting.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    expect(app.line.pokes).toBe(20);
  });

  it('is not shown with its token or its address', async () => {
    const event = zoom.recordingCompleted(await addMeeting('Algebra'));
    await zoom.send(webhookUrl, event);
    const [recording] = await accepted();

    const list = JSON.stringify((await app.get('/api/recordings')).body);
    const one = JSON.stringify((await app.get(`/api/recordings/${recording?.id}`)).body);

    for (const shown of [list, one]) {
      expect(shown).toContain('Algebra');
      expect(shown).not.toContain(event.download_token);
      expect(shown).not.toContain('/rec/');
    }
  });
});

describe('an event that comes again', () => {
  it('C1 C2 is accepted once, however often and however close together it comes', async () => {
    const event = zoom.recordingCompleted(await addMeeting('Algebra'));

    const attempts = await Promise.all(Array.from({ length: 12 }, () => zoom.send(webhookUrl, event)));

    const answers = attempts.map(({ status, body }) => [status, JSON.parse(body).accepted[0].duplicate]);
    expect(answers.filter(([, isDuplicate]) => isDuplicate === false)).toEqual([[200, false]]);
    expect(answers.filter(([, isDuplicate]) => isDuplicate === true)).toHaveLength(11);
    expect(await accepted()).toHaveLength(1);
  });

  it('with another address and a newer token refreshes both', async () => {
    const meeting = await addMeeting('Algebra');
    await zoom.send(webhookUrl, zoom.recordingCompleted(meeting));
    const newer = zoom.recordingCompleted(meeting, { event_ts: Date.now() + 1000 });

    await zoom.send(webhookUrl, newer);

    const [recording, ...others] = await accepted();
    expect(others).toEqual([]);
    expect(recording?.origin).toMatchObject({
      downloadUrl: newer.payload.object.recording_files[0]?.download_url,
      downloadToken: newer.download_token,
    });
    expect(await typesOf(recording?.id ?? '')).toEqual(['recording.accepted', 'recording.repeated']);
  });

  it('late and with an older token changes nothing but the history', async () => {
    const meeting = await addMeeting('Algebra');
    const first = zoom.recordingCompleted(meeting);
    await zoom.send(webhookUrl, first);
    const [before] = await accepted();

    await zoom.send(webhookUrl, zoom.recordingCompleted(meeting, { event_ts: first.event_ts - 60_000 }));

    expect(await accepted()).toEqual([before]);
  });

  it('gives a failed recording a new beginning, if it is newer', async () => {
    const meeting = await addMeeting('Algebra');
    const first = zoom.recordingCompleted(meeting);
    await zoom.send(webhookUrl, first);
    const id = (await accepted())[0]?.id ?? '';
    await giveUp(id);

    await zoom.send(webhookUrl, first);
    expect(await ledger.recordings.get(id)).toMatchObject({ state: 'failed' });

    const newer = zoom.recordingCompleted(meeting, { event_ts: first.event_ts + 1000 });
    const attempt = await zoom.send(webhookUrl, newer);

    expect(JSON.parse(attempt.body).accepted).toEqual([{ id, state: 'waiting', duplicate: true }]);
    expect(await ledger.recordings.get(id)).toMatchObject({
      state: 'waiting',
      failedAttempts: 0,
      endedAtMs: null,
      origin: { downloadToken: newer.download_token },
    });
    expect(await typesOf(id)).toContain('recording.revived');
    expect(app.line.reconciles).toBe(1);
  });
});

describe('the videos of a meeting', () => {
  it.each([
    ['five-views', 1],
    ['three-segments-two-views', 3],
    ['thin-entries', 1],
    ['file-processing', 1],
    ['unknown-recording-type', 1],
    ['uuid-with-slashes', 1],
    ['webinar', 1],
    ['zero-duration', 1],
  ])('in %s are %i recordings', async (name, count) => {
    const reply = await app.zoom(fixture(name));

    expect(reply.status).toBe(200);
    expect(reply.body.accepted).toHaveLength(count);
    expect(await accepted()).toHaveLength(count);
  });

  it('C3 are told apart though they have one name and one time', async () => {
    const same = { startTime: '2026-01-05T09:00:00Z', id: 85_512_345_678 };
    for (const topic of ['Algebra', 'Algebra']) {
      await zoom.send(webhookUrl, zoom.recordingCompleted(await addMeeting(topic, same)));
    }

    expect(await accepted()).toHaveLength(2);
  });

  it('C4 that come in an event of their own, later, are taken too', async () => {
    const all = fixture('three-segments-two-views');
    const first = structuredClone(all);
    first.payload.object.recording_files.length = 2;

    await app.zoom(first);
    const reply = await app.zoom(all);

    expect(reply.body.accepted.map(({ duplicate }: { duplicate: boolean }) => duplicate)).toEqual([
      true,
      false,
      false,
    ]);
    expect(await accepted()).toHaveLength(3);
  });
});

describe('what is of no interest', () => {
  it.each([
    ['an event that nobody knows yet', { event: 'recording.sung', event_ts: 1, payload: {} }],
    ['an event without payload', { event: 'meeting.ended' }],
  ])('such as %s is answered with 200 and leaves nothing', async (_name, event) => {
    const before = await ledger.dump();

    const reply = await app.zoom(event);

    expect(reply).toMatchObject({ status: 200, body: { accepted: [], ignored: event.event } });
    expect(await ledger.dump()).toEqual(before);
  });

  it('such as the removal of a recording that is not here is answered with 200, and only remembered', async () => {
    const { zoom_removals: none, ...before } = await ledger.dump();

    const reply = await app.zoom(fixture('recording-trashed'));

    expect(reply).toMatchObject({ status: 200, body: { accepted: [], ignored: 'recording.trashed' } });
    const { zoom_removals: remembered, ...after } = await ledger.dump();
    expect([none, after]).toEqual([[], before]);
    expect(remembered).toMatchObject([{ how: 'trashed' }]);
  });
});

describe('what nobody can read', () => {
  it.each([
    ['a list', '[]', 'it has no event name'],
    ['null', 'null', 'it has no event name'],
    ['a number', '7', 'it has no event name'],
    ['no event', { hello: 'world' }, 'it has no event name'],
    ['an event whose name is no text', { event: {}, payload: {} }, 'it has no event name'],
    ['no meeting', { event: 'recording.completed', payload: null }, 'it names no meeting'],
    [
      'no object',
      { event: 'recording.transcript_completed', payload: { object: [] } },
      'it names no meeting',
    ],
    ['nothing removed', { event: 'recording.batch_deleted', payload: { object: {} } }, 'it names no meeting'],
  ])('is answered with 200 and shown to people: %s', async (_name, body, why) => {
    const reply = await app.zoom(body);

    expect(reply).toMatchObject({ status: 200, body: { accepted: [], ignored: 'unreadable' } });
    expect((await app.get('/api/zoom/ignored')).body.ignored).toMatchObject([{ reason: 'unreadable', why }]);
    expect(await accepted()).toEqual([]);
  });

  it('does not keep the rest of an event from being taken, and is shown too', async () => {
    const event = fixture('single-view');
    event.payload.object.uuid = null;
    event.payload.object.recording_files[0].meeting_id = null;

    const reply = await app.zoom({ ...event, download_token: 7 });

    expect(reply.body.accepted).toHaveLength(1);
    expect((await app.get('/api/zoom/ignored')).body.ignored).toMatchObject([
      { reason: 'odd', why: 'the meeting has no UUID; download_token is no text' },
    ]);
  });

  it.each(['topic', 'host_email', 'start_time', 'timezone', 'duration', 'id', 'account_id'])(
    'is none that has no %s: its recording is taken',
    async (field) => {
      const event = fixture('single-view');
      event.payload.object[field] = null;

      const reply = await app.zoom({ ...event, event_ts: null, download_token: '' });

      expect(reply.body.accepted).toHaveLength(1);
    },
  );

  it('is none that begins with a byte order mark', async () => {
    const reply = await app.zoom(`\uFEFF${JSON.stringify(fixture('single-view'))}`);

    expect(reply.body.accepted).toHaveLength(1);
  });
});

describe('the same view of the same time under another id', () => {
  it('is the recording that is known, with the address of today', async () => {
    const event = fixture('single-view');
    const first = await app.zoom(event);
    const [file] = event.payload.object.recording_files;
    Object.assign(file, { id: 'another', download_url: 'https://zoom.us/rec/another' });

    const reply = await app.zoom({ ...event, event_ts: event.event_ts + 1 });

    expect(reply.body.accepted).toEqual([{ ...first.body.accepted[0], duplicate: true }]);
    expect(await accepted()).toMatchObject([{ origin: { downloadUrl: 'https://zoom.us/rec/another' } }]);
  });
});

describe('the challenge', () => {
  it('C39 is not answered unless Zoom has signed it, or anyone could have things signed here', async () => {
    const event = JSON.stringify({ event: 'endpoint.url_validation', payload: { plainToken: 'abc' } });
    const headers = { 'content-type': 'application/json' };

    const unsigned = await app.send('POST', '/zoom-upload', headers, event);
    const signedByOthers = await app.zoom(event, { secretToken: 'another-secret' });

    expect([unsigned.status, signedByOthers.status]).toEqual([401, 401]);
    expect(JSON.stringify([unsigned.body, signedByOthers.body])).not.toContain('encryptedToken');
  });

  it('R3 is answered as Zoom wants it', async () => {
    expect(await zoom.validate(webhookUrl)).toMatchObject({ status: 200, isValid: true });
  });

  it('changes nothing', async () => {
    const before = await ledger.dump();
    await zoom.validate(webhookUrl);

    expect(await ledger.dump()).toEqual(before);
    expect(app.line).toEqual({ pokes: 0, reconciles: 0 });
  });
});

describe('the signature', () => {
  it.each([
    ['another content type', { 'content-type': 'text/plain' }],
    ['no encoding in its content type', { 'content-type': 'application/json' }],
    ['the headers of the proxy in front', { 'x-forwarded-for': '3.7.35.1', via: '1.1 proxy' }],
  ])('is all that counts: a webhook with %s is taken', async (_name, headers) => {
    const reply = await app.zoom(fixture('single-view'), { headers });

    expect(reply.status).toBe(200);
    expect(await accepted()).toHaveLength(1);
  });

  it('is over the bytes, however they are spaced and escaped', async () => {
    const spaced = JSON.stringify(fixture('single-view'), null, 4).replace('Algebra', '\\u0041lgebra');

    expect((await app.zoom(spaced)).status).toBe(200);
    expect((await accepted())[0]?.title).toBe('Algebra, group 2');
  });
});
