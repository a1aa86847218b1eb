import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createUpload,
  head,
  idOf,
  metadataHeader,
  offsetOf,
  patchHeaders,
  problemIn,
  tusRequest,
} from '../support/tus-client.ts';
import { startTusWorld, type TusWorld } from '../support/tus-world.ts';

const PAGE = 'https://academy.example';
const BYTES = Buffer.from('01234');
const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');

let world: TusWorld;
beforeEach(async () => {
  world = await startTusWorld({ allowedOrigins: [PAGE, 'capacitor://localhost'] });
});
afterEach(async () => {
  await world.stop();
});

async function create(headers: Readonly<Record<string, string>>, path = '') {
  const all = { 'upload-length': '5', 'upload-metadata': metadataHeader({ ace_id: 'lesson-1' }), ...headers };
  const response = await tusRequest(world.url + path, { method: 'POST', headers: all });
  return { ...response, url: new URL(response.headers.location ?? '', world.url).toString() };
}

/** What the sidecar of a new upload has kept of this header. */
async function keptOf(metadata: string): Promise<unknown> {
  const { url, status } = await create({ 'upload-metadata': metadata });
  if (status !== 201) return status;
  return JSON.parse(await readFile(world.paths.sidecar(idOf(url)), 'utf8')).metadata;
}

describe('metadata as clients write it', () => {
  const ID = `ace_id ${base64('lesson-1')}`;
  const NAME = { ace_id: 'lesson-1', filename: 'a.mp4' };

  it.each([
    ['a blank behind the comma', `${ID}, filename ${base64('a.mp4')}`, NAME],
    ['a comma at its end', `${ID},filename ${base64('a.mp4')},`, NAME],
    ['two commas, blanks and tabs', `, ${ID} ,,\tfilename\t ${base64('a.mp4')} , `, NAME],
    [
      'base64 without its padding',
      `${ID.replace(/=+$/, '')},filename ${base64('a.mp4').replace(/=+$/, '')}`,
      NAME,
    ],
    [
      'the URL form of base64',
      `${ID},title ${Buffer.from('???>>>ü').toString('base64url')}`,
      { ace_id: 'lesson-1', title: '???>>>ü' },
    ],
    ['a key without a value', `${ID},is_draft`, { ace_id: 'lesson-1', is_draft: null }],
    ['a value that nobody can read', `${ID},title not/base64!`, { ace_id: 'lesson-1' }],
    ['the name of what every object has', `${ID},constructor YQ==,toString YQ==`, { ace_id: 'lesson-1' }],
    ['the same said twice', `${ID},${ID}`, { ace_id: 'lesson-1' }],
    [
      'a name in Latin-1',
      `${ID},filename ${base64(Buffer.from('Straße.mp4', 'latin1'))}`,
      { ace_id: 'lesson-1', filename: 'Straße.mp4' },
    ],
  ])('is taken with %s', async (_name, header, kept) => {
    expect(await keptOf(header)).toEqual(kept);
  });

  it.each([
    ['two ids', `${ID},ace_id ${base64('lesson-2')}`],
    ['an id that is not base64', 'ace_id lesson#1'],
    ['an id that is not UTF-8', `ace_id ${base64(Buffer.from('Straße', 'latin1'))}`],
    ['nothing but commas', ',,,'],
  ])('is refused with %s', async (_name, header) => {
    expect(await keptOf(header)).toBe(400);
  });
});

describe('a request as clients write it', () => {
  it.each([
    ['a charset', 'application/offset+octet-stream; charset=utf-8'],
    ['capital letters', 'Application/Offset+Octet-Stream'],
    ['a blank and a semicolon', 'application/offset+octet-stream ;'],
  ])('brings its bytes under a content type with %s', async (_name, type) => {
    const url = await createUpload(world.url, 5);
    const headers = { ...patchHeaders(0), 'content-type': type };

    expect(await tusRequest(url, { method: 'PATCH', headers, body: BYTES })).toMatchObject({ status: 204 });
  });

  it.each(['application/octet-stream', 'text/plain', ''])('is told 415 under the type "%s"', async (type) => {
    const url = await createUpload(world.url, 5);
    const { 'content-type': _, ...others } = patchHeaders(0);
    const headers = { ...others, ...(type === '' ? {} : { 'content-type': type }) };

    const answer = await tusRequest(url, { method: 'PATCH', headers, body: BYTES });

    expect(problemIn(answer)).toMatchObject({ status: 415, code: 'REQUEST_INVALID' });
    expect(await offsetOf(url)).toBe(0);
  });

  it('brings its first bytes with the creation, under a content type with a charset too', async () => {
    const answer = await tusRequest(world.url, {
      method: 'POST',
      headers: {
        'upload-length': '5',
        'upload-metadata': metadataHeader({ ace_id: 'lesson-1' }),
        'content-type': 'application/offset+octet-stream;charset=UTF-8',
      },
      body: BYTES,
    });

    expect(answer).toMatchObject({ status: 201, headers: { 'upload-offset': '5' } });
  });

  it.each([
    ['zeros in front of its length', { 'upload-length': '0005' }],
    ['a plus in front of its length', { 'upload-length': '+5' }],
    ['its version said twice', { 'tus-resumable': '1.0.0, 1.0.0' }],
    ['the version that it asks for', { 'tus-version': '1.0.0,0.2.1' }],
  ])('begins an upload with %s', async (_name, headers) => {
    const { status, url } = await create(headers);

    expect([status, (await head(url)).headers['upload-length']]).toEqual([201, '5']);
  });

  it.each(['1e3', '5.0', '-5', '0x5', '5, 6', ''])('is refused with the length "%s"', async (length) => {
    expect((await create({ 'upload-length': length })).status).toBe(400);
  });

  it('begins at an address with a slash at its end, and goes on there', async () => {
    const { status, url } = await create({}, '/');
    const answer = await tusRequest(`${url}/`, { method: 'PATCH', headers: patchHeaders(0), body: BYTES });

    expect([status, answer.status]).toEqual([201, 204]);
  });

  it.each(['0.2.1', '1.0', ''])('of version "%s" is told 412, and which one is spoken', async (version) => {
    const answer = await create(version === '' ? { 'tus-resumable': '' } : { 'tus-resumable': version });

    expect(answer).toMatchObject({
      status: 412,
      headers: { 'tus-version': '1.0.0', 'tus-resumable': '1.0.0' },
    });
    expect(problemIn(answer).advice).toMatch(/1\.0\.0/);
  });

  it('names its method in a header, in letters of any size', async () => {
    const url = await createUpload(world.url, 5);
    const headers = { ...patchHeaders(0), 'x-http-method-override': 'patch' };

    expect(await tusRequest(url, { method: 'POST', headers, body: BYTES })).toMatchObject({ status: 204 });
  });

  it('needs no length of its own, and may wait to be let go on', async () => {
    const url = await createUpload(world.url, 5);
    const headers = {
      'tus-resumable': '1.0.0',
      ...patchHeaders(0),
      expect: '100-continue',
      'transfer-encoding': 'chunked',
    };
    const request = http.request(url, { method: 'PATCH', agent: false, headers });
    request.flushHeaders();
    await once(request, 'continue');
    request.end(BYTES);
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
    answer.resume();

    expect(answer.statusCode).toBe(204);
  });

  it('is told what is spoken here without saying where it comes from, and is never kept', async () => {
    const told = await tusRequest(world.url, { method: 'OPTIONS' });
    const asked = await head(await createUpload(world.url, 5));

    expect(told).toMatchObject({ status: 204, headers: { 'tus-version': '1.0.0' } });
    expect(asked.headers['cache-control']).toBe('no-store');
  });
});

describe('a preflight', () => {
  const ask = (names: string, origin = PAGE) =>
    tusRequest(world.url, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': names },
    });

  it.each([
    ['Sentry', 'baggage,sentry-trace,tus-resumable'],
    ['OpenTelemetry', 'traceparent, tracestate,upload-length'],
    ['New Relic, in an app', 'newrelic,x-app-version', 'capacitor://localhost'],
  ])('of a page that is watched by %s is granted', async (_name, names, origin = PAGE) => {
    const { headers } = await ask(names, origin);

    const allowed = headers['access-control-allow-headers']?.toLowerCase().split(', ');
    expect(headers['access-control-allow-origin']).toBe(origin);
    expect(allowed).toEqual(expect.arrayContaining(names.split(',').map((name) => name.trim())));
  });

  it('is answered with well-formed names alone, and not with any number of them', async () => {
    const many = Array.from({ length: 500 }, (_, index) => `x-${index}`).join(',');
    const { headers } = await ask(`a b,*,x:y,"q",${many}`);

    const allowed = headers['access-control-allow-headers']?.split(', ') ?? [];
    expect(allowed.length).toBeLessThan(100);
    expect(allowed).not.toEqual(expect.arrayContaining([expect.stringMatching(/[ :"]/)]));
  });
});
