import { execFileSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/domain/error-catalogue.ts';
import {
  bunnyHeaders,
  type Headers,
  problem,
  startTestApp,
  type TestApp,
  zoomHeaders,
} from '../support/app.ts';
import { SAMPLE } from '../support/house.ts';
import { type LedgerDump, openTestLedger, type TestLedger } from '../support/ledger.ts';

const EVENT = { event: 'recording.completed', event_ts: 1, payload: { object: { id: 1, uuid: 'u' } } };
const EVENT_TEXT = JSON.stringify(EVENT);
const NOW_S = () => Math.floor(Date.now() / 1000);

let ledger: TestLedger;
let app: TestApp;
let folder: string;
let before: LedgerDump;

beforeEach(async () => {
  ledger = await openTestLedger();
  app = await startTestApp(ledger);
  folder = join(ledger.folder, 'files');
  await mkdir(folder);
  // So that a change of what is there would be seen as well.
  await app.post('/custom-upload', { path: SAMPLE, title: 'There before', ace_id: 'there-before' });
  before = withoutTrail(await ledger.dump());
});

afterEach(async () => {
  const left = await ledger.dump();
  const { pokes } = app.line;
  await app.close();
  await ledger.close();
  expect(withoutTrail(left)).toEqual(before);
  // Of what was asked for only the file that was there before has been taken.
  const done = (left['audit'] ?? []).filter((act) => (act as { outcome: string }).outcome === 'done');
  expect(done.length).toBeLessThanOrEqual(1);
  expect(done).toMatchObject(done.map(() => ({ act: 'addFile', times: 1 })));
  expect(pokes).toBe(1);
});

/** The ledger but for the trail of who has asked for what, where refusals are to be seen. */
function withoutTrail({ audit: _, ...rest }: LedgerDump): LedgerDump {
  return rest;
}

/** A video under this name, beside the others. */
async function put(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('R2 the door for Zoom refuses', () => {
  it.each<[string, Parameters<TestApp['zoom']>, number, ErrorCode]>([
    ['a signature by another secret', [EVENT, { secretToken: 'other' }], 401, 'SIGNATURE_INVALID'],
    ['a missing signature', [EVENT, { headers: { 'x-zm-signature': '' } }], 401, 'SIGNATURE_INVALID'],
    ['a missing timestamp', [EVENT, { headers: { 'x-zm-request-timestamp': '' } }], 401, 'SIGNATURE_INVALID'],
    [
      'a signature of as many characters and more bytes',
      [EVENT, { headers: { 'x-zm-signature': Buffer.from('ü'.repeat(67)).toString('latin1') } }],
      401,
      'SIGNATURE_INVALID',
    ],
    ['a timestamp that is no number', [EVENT, { timestampS: '1:x' }], 401, 'SIGNATURE_INVALID'],
    ['a stale timestamp', [EVENT, { timestampS: NOW_S() - 3600 }], 401, 'SIGNATURE_STALE'],
    ['a timestamp from the future', [EVENT, { timestampS: NOW_S() + 3600 }], 401, 'SIGNATURE_STALE'],
    ['text', ['hello'], 400, 'REQUEST_INVALID'],
    ['half a JSON', ['{"event":"recording.completed"'], 400, 'REQUEST_INVALID'],
    ['nothing', [''], 400, 'REQUEST_INVALID'],
    [
      'a challenge that is a webhook to be signed',
      [{ event: 'endpoint.url_validation', payload: { plainToken: `v0:1:${EVENT_TEXT}` } }],
      400,
      'REQUEST_INVALID',
    ],
    [
      'a challenge of 129 characters',
      [{ event: 'endpoint.url_validation', payload: { plainToken: 'a'.repeat(129) } }],
      400,
      'REQUEST_INVALID',
    ],
    ['a challenge without a token', [{ event: 'endpoint.url_validation' }], 400, 'REQUEST_INVALID'],
    [
      'a challenge by a stranger',
      [{ event: 'endpoint.url_validation', payload: { plainToken: 'abc' } }, { secretToken: 'other' }],
      401,
      'SIGNATURE_INVALID',
    ],
    ['more than a webhook has', ['x'.repeat(1024 * 1024 + 1)], 413, 'TOO_LARGE'],
  ])('%s', async (_name, sent, status, code) => {
    expect(await app.zoom(...sent)).toEqual(problem(status, code));
  });

  it('a request with no headers and no body at all', async () => {
    expect(await app.send('POST', '/zoom-upload', {})).toEqual(problem(401, 'SIGNATURE_INVALID'));
  });

  it('a signature that is there twice', async () => {
    const headers = zoomHeaders(EVENT_TEXT);
    const twice = { ...headers, 'x-zm-signature': `${headers['x-zm-signature']}, v0=0` };

    expect(await app.send('POST', '/zoom-upload', twice, EVENT_TEXT)).toEqual(
      problem(401, 'SIGNATURE_INVALID'),
    );
  });

  it('a body that was changed on its way', async () => {
    const headers = zoomHeaders(EVENT_TEXT);

    expect(await app.send('POST', '/zoom-upload', headers, `${EVENT_TEXT} `)).toEqual(
      problem(401, 'SIGNATURE_INVALID'),
    );
  });
});

describe('the door for Bunny refuses', () => {
  const body = JSON.stringify({ VideoLibraryId: 1, VideoGuid: 'g', Status: 3 });

  it.each<[string, string, Readonly<Record<string, string>>, number, ErrorCode]>([
    ['no signature', body, {}, 401, 'BUNNY_SIGNATURE_INVALID'],
    ['a wrong signature', body, bunnyHeaders(`${body} `), 401, 'BUNNY_SIGNATURE_INVALID'],
    [
      'a signature of as many characters and more bytes',
      body,
      { 'x-bunnystream-signature': Buffer.from('é'.repeat(64)).toString('latin1') },
      401,
      'BUNNY_SIGNATURE_INVALID',
    ],
    ['text', 'hello', bunnyHeaders('hello'), 400, 'REQUEST_INVALID'],
    ['what is no event', '{}', bunnyHeaders('{}'), 400, 'REQUEST_INVALID'],
    ['nothing', '', bunnyHeaders(''), 400, 'REQUEST_INVALID'],
  ])('%s', async (_name, text, headers, status, code) => {
    expect(await app.send('POST', '/bunny-webhook', headers, text)).toEqual(problem(status, code));
  });
});

describe.each(['/custom-upload', '/manual-upload'])('%s refuses', (door) => {
  /** A body that is complete but for what a test spoils. */
  const bodyFor = (path: string, more: object = {}) => ({
    path,
    title: 'Algebra',
    ...(door === '/manual-upload' ? { ace_id: 'new', upload_id: 'u', size: 5 } : {}),
    ...more,
  });

  it.each<[string, () => Promise<string>, number, ErrorCode]>([
    ['a file that is not there', async () => join(folder, 'none.mp4'), 404, 'FILE_NOT_FOUND'],
    ['a path through a file', async () => join(SAMPLE, 'x.mp4'), 404, 'FILE_NOT_FOUND'],
    ['a folder', async () => folder, 400, 'FILE_NOT_REGULAR'],
    ['a device', async () => '/dev/zero', 400, 'FILE_NOT_REGULAR'],
    [
      'a pipe',
      async () => {
        const path = join(folder, 'pipe.mp4');
        execFileSync('mkfifo', [path]);
        return path;
      },
      400,
      'FILE_NOT_REGULAR',
    ],
    [
      'a circle of links',
      async () => {
        await symlink(join(folder, 'b.mp4'), join(folder, 'a.mp4'));
        await symlink(join(folder, 'a.mp4'), join(folder, 'b.mp4'));
        return join(folder, 'a.mp4');
      },
      400,
      'PATH_LOOP',
    ],
    [
      'a link to nowhere',
      async () => {
        await symlink(join(folder, 'none.mp4'), join(folder, 'link.mp4'));
        return join(folder, 'link.mp4');
      },
      404,
      'FILE_NOT_FOUND',
    ],
    ['an empty file', () => put('empty.mp4', ''), 400, 'FILE_EMPTY'],
    ['a relative path', async () => 'sample.mp4', 400, 'PATH_INVALID'],
    ['a path up from nowhere', async () => '../../etc/passwd', 400, 'PATH_INVALID'],
    ['a path with a NUL byte', async () => `${SAMPLE}\0.mp4`, 400, 'PATH_INVALID'],
    ['a path that is too long', async () => `/${'x'.repeat(300)}`, 400, 'PATH_INVALID'],
    ['an address', async () => 'http://example.com/a.mp4', 400, 'PATH_INVALID'],
    ['an empty path', async () => '', 400, 'REQUEST_INVALID'],
  ])('%s', async (_name, path, status, code) => {
    expect(await app.post(door, bodyFor(await path()))).toEqual(problem(status, code));
  });

  it.each<[string, object, string]>([
    ['no path', { path: undefined }, 'path'],
    ['a path that is no text', { path: 7 }, 'path'],
    ['a title that is no text', { title: {} }, 'title'],
    ['a title without end', { title: 'x'.repeat(1001) }, 'title'],
    ['an empty ace_id', { ace_id: '' }, 'ace_id'],
    ['an ace_id that is a number', { ace_id: 42 }, 'ace_id'],
    ['an ace_id with a line break', { ace_id: 'a\nb' }, 'ace_id'],
    ['an ace_id with half a character', { ace_id: 'a\ud800' }, 'ace_id'],
    ['an ace_id without end', { ace_id: 'x'.repeat(201) }, 'ace_id'],
  ])('%s, and names the field', async (_name, more, field) => {
    const reply = await app.post(door, bodyFor(SAMPLE, more));

    expect(reply).toEqual(problem(400, 'REQUEST_INVALID'));
    expect(reply.body.detail).toContain(field);
  });

  it.each<[string, string, string | undefined, number]>([
    ['text in place of JSON', 'application/json', 'hello', 400],
    ['half a JSON', 'application/json', '{"path":', 400],
    ['an empty body', 'application/json', '', 400],
    ['a list', 'application/json', '[]', 400],
    ['null', 'application/json', 'null', 400],
    ['a poisoned prototype', 'application/json', '{"__proto__":{"path":"/x"}}', 400],
    ['a form', 'application/x-www-form-urlencoded', 'path=%2Fx', 415],
    ['plain text, as any web page may send it', 'text/plain', `{"path":"${SAMPLE}","title":"x"}`, 400],
    ['a content type that is none', 'json', '{}', 415],
  ])('%s', async (_name, type, text, status) => {
    expect(await app.send('POST', door, { 'content-type': type }, text)).toEqual(
      problem(status, 'REQUEST_INVALID'),
    );
  });

  it('a request without a body', async () => {
    expect(await app.send('POST', door, {})).toEqual(problem(400, 'REQUEST_INVALID'));
  });

  it('more than it reads', async () => {
    expect(await app.post(door, bodyFor(SAMPLE, { extra: 'x'.repeat(65_536) }))).toEqual(
      problem(413, 'TOO_LARGE'),
    );
  });

  it.each<Headers>([
    { 'x-forwarded-for': '203.0.113.7' },
    { 'x-forwarded-for': '127.0.0.1' },
    { forwarded: 'for=127.0.0.1' },
    { 'x-real-ip': '127.0.0.1' },
    { via: '1.1 proxy' },
  ])('what came through a proxy, by its headers %j', async (headers) => {
    expect(await app.post(door, bodyFor(SAMPLE), headers)).toEqual(problem(403, 'NOT_LOCAL'));
  });

  it('strangers before it has looked at what they say', async () => {
    const headers = { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.7' };

    expect(await app.send('POST', door, headers, '{')).toEqual(problem(403, 'NOT_LOCAL'));
  });
});

describe('/manual-upload refuses', () => {
  it.each<[string, object, ErrorCode]>([
    ['another size than was announced', { size: 6 }, 'FILE_SIZE_DIFFERS'],
    ['no size', { size: undefined }, 'REQUEST_INVALID'],
    ['a size of nothing', { size: 0 }, 'REQUEST_INVALID'],
    ['a size with a fraction', { size: 5.5 }, 'REQUEST_INVALID'],
    ['no ace_id', { ace_id: undefined }, 'REQUEST_INVALID'],
    ['no upload_id', { upload_id: undefined }, 'REQUEST_INVALID'],
  ])('%s', async (_name, more, code) => {
    const path = await put('a.mp4', 'hello');
    const body = { path, ace_id: 'new', upload_id: 'u', size: 5, ...more };

    expect(await app.post('/manual-upload', body)).toEqual(problem(400, code));
  });
});

describe('/manual-upload where finished uploads lie in one folder', () => {
  const upload = (path: string) => ({ path, ace_id: 'by-tus', upload_id: 'u', size: 5 });
  let incoming: string;
  let narrow: TestApp;

  beforeEach(async () => {
    incoming = join(folder, 'incoming');
    await mkdir(join(incoming, 'folder.upload'), { recursive: true });
    await mkdir(`${incoming}-beside`);
    await writeFile(join(incoming, 'a.upload'), 'hello');
    await writeFile(`${incoming}-beside/a.upload`, 'hello');
    await put('outside.mp4', 'hello');
    await symlink(join(folder, 'outside.mp4'), join(incoming, 'link.upload'));
    await symlink(folder, join(incoming, 'linked'));
    execFileSync('mkfifo', [join(incoming, 'pipe.upload')]);
    narrow = await startTestApp(ledger, '127.0.0.1', { incoming });
  });
  afterEach(() => narrow?.close());

  it.each([
    ['a file elsewhere', '../outside.mp4'],
    ['a folder beside it whose name begins alike', '../incoming-beside/a.upload'],
    ['a link that leads out', 'link.upload'],
    ['a way out through a linked folder', 'linked/outside.mp4'],
    ['what is not there, elsewhere', '../none.mp4'],
  ])('refuses %s', async (_name, path) => {
    expect(await narrow.post('/manual-upload', upload(`${incoming}/${path}`))).toEqual(
      problem(403, 'PATH_NOT_ALLOWED'),
    );
  });

  it.each(['folder.upload', 'pipe.upload'])('refuses what is no file: %s', async (name) => {
    expect(await narrow.post('/manual-upload', upload(join(incoming, name)))).toEqual(
      problem(400, 'FILE_NOT_REGULAR'),
    );
  });
});

describe('R15 /custom-upload refuses', () => {
  it.each([
    ['text by the name of a video', 'notes.mp4', 'WEBVTT\n\n1\n'],
    ['a web page by the name of a video', 'page.mp4', '<!doctype html><html><title>Sign In'],
  ])('%s', async (_name, name, content) => {
    const path = await put(name, content);

    expect(await app.post('/custom-upload', { path, title: 'Algebra' })).toEqual(problem(415, 'NOT_MEDIA'));
  });

  it.each<[string, object]>([
    ['no title', { title: undefined }],
    ['an empty title', { title: '' }],
    ['a title without anything to see', { title: ' \u200b\n' }],
    ['a time that is none', { not_before: 'tomorrow' }],
    ['a time without a zone', { not_before: '2026-01-05T10:00:00' }],
    ['a wish that is neither yes nor no', { keep_file: 'yes' }],
  ])('%s', async (_name, more) => {
    const body = { path: SAMPLE, title: 'Algebra', ...more };

    expect(await app.post('/custom-upload', body)).toEqual(problem(400, 'REQUEST_INVALID'));
  });

  it('another file under an ace_id that is taken', async () => {
    const path = join(folder, 'other.mp4');
    execFileSync('cp', [SAMPLE, path]);

    const reply = await app.post('/custom-upload', { path, title: 'Algebra', ace_id: 'there-before' });

    expect(reply).toEqual(problem(409, 'ACE_ID_TAKEN'));
  });
});

describe('/custom-upload where CUSTOM_ROOTS names folders', () => {
  it('refuses a file elsewhere; /manual-upload looks at it', async () => {
    const narrow = await startTestApp(ledger, '127.0.0.1', { customRoots: [folder] });
    try {
      const upload = { path: SAMPLE, ace_id: 'by-tus', upload_id: 'u', size: 1 };

      expect(await narrow.post('/custom-upload', { path: SAMPLE, title: 'Algebra' })).toEqual(
        problem(403, 'PATH_NOT_ALLOWED'),
      );
      expect(await narrow.post('/manual-upload', upload)).toEqual(problem(400, 'FILE_SIZE_DIFFERS'));
    } finally {
      await narrow.close();
    }
  });
});

describe('the server has nothing', () => {
  it.each([
    ['GET', '/nothing'],
    ['GET', '/zoom-upload'],
    ['PUT', '/custom-upload'],
    ['DELETE', '/manual-upload'],
    ['POST', '/custom-upload/'],
    ['POST', '/CUSTOM-UPLOAD'],
    ['POST', '/tusupload'],
    ['POST', '/api/deliveries/msg_unknown/replay'],
    ['GET', '/../../etc/passwd'],
  ])('at %s %s', async (method, path) => {
    expect(await app.send(method, path, {})).toEqual(problem(404, 'NOT_FOUND'));
  });

  it('of an id that is unknown', async () => {
    const answer = await app.send('GET', '/api/recordings/rec_unknown', {});
    expect(answer).toEqual(problem(404, 'NOT_FOUND'));
  });

  it.each([
    ['a path that cannot be decoded', '/%zz'],
    ['an id that cannot be decoded', '/api/recordings/%ff'],
  ])('at %s', async (_name, path) => {
    expect(await app.get(path)).toEqual(problem(400, 'REQUEST_INVALID'));
  });

  it('for a limit that is none', async () => {
    expect(await app.get('/api/recordings?limit=all')).toEqual(problem(400, 'REQUEST_INVALID'));
  });
});

describe('R10 R13 a caller on another machine', () => {
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

  it.each(['/custom-upload', '/manual-upload', '/api/line/pause', '/api/recordings'])(
    'is refused at %s',
    async (path) => {
      // A machine without an address of its own has only itself to call from; requireLocal has unit tests for that.
      const host = own ?? '127.0.0.1';
      const headers: Headers = own === undefined ? { 'x-forwarded-for': '203.0.113.7' } : {};
      const open = await startTestApp(ledger, host);
      try {
        const method = path === '/api/recordings' ? 'GET' : 'POST';
        expect(await open.send(method, path, headers)).toEqual(problem(403, 'NOT_LOCAL'));
      } finally {
        await open.close();
      }
    },
  );
});
