import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type S3Simulator, startS3Simulator } from '../../../simulators/s3/simulator.ts';
import type { Config } from '../../../src/config/config.ts';
import { checkMediaOut } from '../../../src/outside/media-out.ts';
import { checkS3 } from '../../../src/outside/s3/checks.ts';
import { PROFILES } from '../../../src/outside/s3/profiles.ts';
import { freePort } from '../../support/free-port.ts';

const { signal } = new AbortController();

let s3: S3Simulator;
let web: Server;
let headers: Record<string, string>;

beforeEach(async () => {
  s3 = await startS3Simulator();
  headers = { 'access-control-allow-origin': '*' };
  web = createServer((request, response) => {
    const key = `of/${decodeURIComponent(request.url?.slice(1) ?? '')}`;
    if (!s3.objects().some((object) => object.key === key)) response.writeHead(404).end();
    else buffer(s3.read(key)).then((bytes) => response.writeHead(200, headers).end(bytes));
  });
  await new Promise<void>((done) => web.listen(0, '127.0.0.1', done));
});
afterEach(async () => {
  web.close();
  await s3.close();
});

const settings = (more: object = {}) => ({
  endpoint: s3.url,
  region: s3.region,
  keyId: s3.keyId,
  secretKey: s3.secretKey,
  bucket: s3.bucket,
  profile: PROFILES.generic,
  addressing: 'path',
  isMade: false,
  comparesEtags: true,
  ...more,
});
const look = (more?: object) => checkS3({ s3Store: settings(more) } as Config, signal);

describe('the doctor, of a bucket to archive in,', () => {
  it('finds that it takes files, and leaves nothing there', async () => {
    expect(await look()).toMatchObject({ state: 'ok' });
    expect(s3.objects()).toEqual([]);
  });

  it.each([
    ['the bucket', { bucket: 'another' }, 'S3_BUCKET'],
    ['the secret', { secretKey: 'wrong' }, 'S3_SECRET'],
    ['the region', { region: 'mars-1' }, 'S3_SECRET'],
  ])('says what to do where %s is wrong', async (_what, more, setting) => {
    const found = await look(more);
    expect(found).toMatchObject({ state: 'fail' });
    expect(JSON.stringify(found)).toContain(setting);
  });

  it('looks at nothing where there is none', async () => {
    expect(await checkS3({ s3Store: undefined } as Config, signal)).toMatchObject({ state: 'skip' });
  });
});

describe('the doctor, of a bucket of outputs,', () => {
  const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const look = (more: object) => {
    const mediaOut = { kind: 's3', ...settings(), prefix: 'of/', ...more };
    return checkMediaOut({ mediaOut } as Config, signal);
  };

  it('finds what it puts there at the public address, and takes it away', async () => {
    expect(await look({ url: urlOf(web) })).toMatchObject({ state: 'ok' });
    expect(s3.objects()).toEqual([]);
  });

  it('says that nobody is told, that others may not read, or that their pages may not', async () => {
    expect(await look({ url: undefined })).toMatchObject({ state: 'warn', advice: 'Set MEDIA_OUT_URL.' });
    expect(await look({ url: `${urlOf(web)}/nowhere` })).toMatchObject({ state: 'fail' });
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    expect(await look({ url: nowhere })).toMatchObject({ state: 'warn' });
    headers = {};
    expect(await look({ url: urlOf(web) })).toMatchObject({
      state: 'warn',
      advice: expect.stringContaining('CORS'),
    });
    expect(s3.objects()).toEqual([]);
  });
});
