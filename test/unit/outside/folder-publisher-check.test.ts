import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkFolderPublisher } from '../../../src/outside/folder/publisher-check.ts';
import { checkMediaOut } from '../../../src/outside/media-out.ts';
import type { OutputPlaceSettings } from '../../../src/outside/output-places.ts';
import { freePort } from '../../support/free-port.ts';

const { signal } = new AbortController();

let home: string;
let path: string;
let served: string;
let web: Server;
let url: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'sluice-doctor-'));
  path = join(home, 'published');
  served = path;
  await mkdir(path);
  web = createServer((request, response) => {
    readFile(join(served, request.url ?? '')).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((done) => web.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
});
afterEach(async () => {
  web.close();
  await rm(home, { recursive: true });
});

function check(publisher: { path: string; url: string } | undefined = { path, url }) {
  return checkFolderPublisher({ folderPublisher: publisher }, signal);
}

describe('the doctor, of a folder of published videos,', () => {
  it('finds what it puts there at the public address, and takes it away', async () => {
    expect(await check()).toMatchObject({ state: 'ok' });
    expect(await readdir(path)).toEqual([]);
  });

  it('says that another folder is handed out', async () => {
    served = home;
    expect(await check()).toMatchObject({ state: 'fail', text: expect.stringContaining(url) });
    expect(await readdir(path)).toEqual([]);
  });

  it('says that the address does not answer, which may be right from here', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    expect(await check({ path, url: nowhere })).toMatchObject({ state: 'warn' });
  });

  it.each(['missing', 'a file'])('says that the folder is %s', async (what) => {
    const other = what === 'missing' ? join(home, 'nowhere') : new URL(import.meta.url).pathname;
    expect(await check({ path: other, url })).toMatchObject({
      state: 'fail',
      advice: expect.any(String),
    });
  });

  it('looks at nothing where there is no such folder', async () => {
    const nothing = checkFolderPublisher({ folderPublisher: undefined }, signal);
    expect(await nothing).toMatchObject({ state: 'skip' });
  });
});

describe('the doctor, of the folder of outputs,', () => {
  const look = (folder: { path: string; url: string | undefined } | undefined) =>
    checkMediaOut({ mediaOut: folder && { kind: 'folder', ...folder } } as OutputPlaceSettings, signal);

  it('finds what it puts there at the public address, and says where to look if it does not', async () => {
    expect(await look({ path, url })).toMatchObject({ state: 'ok' });
    served = home;
    const lost = await look({ path, url });
    expect(lost).toMatchObject({ state: 'fail', advice: expect.stringContaining('MEDIA_OUT_URL') });
    expect(await readdir(path)).toEqual([]);
  });

  it('warns where it has no public address', async () => {
    expect(await look({ path, url: undefined })).toMatchObject({
      state: 'warn',
      advice: 'Set MEDIA_OUT_URL.',
    });
  });

  it('looks at nothing where there is none', async () => {
    expect(await look(undefined)).toMatchObject({ state: 'skip' });
  });
});
