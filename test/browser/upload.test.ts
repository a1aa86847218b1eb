import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import { createUploadToken } from '../../src/lib/upload-token.ts';
import { expectAccessible, openBrowser, openPage } from '../support/browser.ts';
import { digestOf, writeVideo } from '../support/house.ts';
import { type Processes, startProcesses } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { slowDown, unfinishedUploads } from '../support/upload-page.ts';
import { isWhole } from '../support/whole-tables.ts';

const MIB = 1024 * 1024;
const FILE_BYTES = 8 * MIB;
const BYTES_PER_SECOND = 4 * MIB;

let browser: Browser;
let redis: TestRedis;
let simulators: AllSimulators;
let sluice: Processes;
let folder: string;
let file: string;
let page: Page;
let context: BrowserContext;
let complaints: string[];

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-upload-page-'));
  file = await writeVideo(join(folder, 'lesson.mp4'), FILE_BYTES);
  redis = await startRedis();
  simulators = await startAllSimulators();
  sluice = await startProcesses({
    ...simulators.environment,
    REDIS_URL: redis.url,
    PLAYABLE_POLL_MIN_S: '0.1',
    PLAYABLE_POLL_MAX_S: '0.3',
    UPLOAD_WATCH_URL: 'https://academy.example/watch/{ace_id}',
  });
  ({ page, context, complaints } = await openPage(browser));
});

afterEach(async () => {
  await context?.close();
  await sluice?.stop();
  await simulators?.close();
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
  expect(complaints).toEqual([]);
});

const storedBytes = async () => Math.max(0, ...(await unfinishedUploads(sluice.dataDir)).values());

const isHalfWay = () =>
  expect.poll(storedBytes, { timeout: 20_000, interval: 20 }).toBeGreaterThan(FILE_BYTES / 3);

/** Lets the page's picker give a file of the origin's own: the browser keeps its handle as it keeps those of the disk. */
async function pickFromOrigin(name: string): Promise<void> {
  const beginning = (await readFile(file)).subarray(0, 64 * 1024).toString('base64');
  await page.addInitScript(`globalThis.showOpenFilePicker = async () => {
    const folder = await navigator.storage.getDirectory();
    const handle = await folder.getFileHandle('${name}', { create: true });
    const content = new Uint8Array(${FILE_BYTES});
    content.set(Uint8Array.from(atob('${beginning}'), (letter) => letter.charCodeAt(0)));
    const writable = await handle.createWritable();
    await writable.write(content);
    await writable.close();
    return [handle];
  }`);
}

/** How many uploads the tus server has begun, by its log. */
const begun = () => sluice.output('tus').split('"event":"upload.created"').length - 1;

describe('the upload page', () => {
  it('goes on where the tus server was killed, and follows the recording until it can be watched', async () => {
    await slowDown(context, page, BYTES_PER_SECOND);
    await page.goto(`${sluice.pipelineUrl}/upload#ace_id=lesson-7&title=Algebra%201`);
    await page.getByLabel('Choose a file').setInputFiles(file);
    expect(await page.getByLabel('Recording id').inputValue()).toBe('lesson-7');
    await page.getByRole('button', { name: 'Upload' }).click();
    await isHalfWay();

    await sluice.kill('tus');
    await page.getByText('The connection is lost; it goes on by itself').waitFor();
    const keptBytes = await storedBytes();
    await sluice.restart('tus');

    // By then it may pause for ten seconds between attempts.
    await page.getByText('Your recording can be watched.').waitFor({ timeout: 45_000 });
    expect(await page.getByRole('link', { name: 'Watch it' }).getAttribute('href')).toBe(
      'https://academy.example/watch/lesson-7',
    );
    expect(keptBytes).toBeLessThan(FILE_BYTES);
    expect(begun()).toBe(1);
    expect(simulators.bunny.videos()).toMatchObject([
      { title: 'Algebra 1', sha256: await digestOf(file, 'sha256') },
    ]);
  });

  it('goes on after the browser was closed, once the same file is chosen again', async () => {
    const address = `${sluice.pipelineUrl}/upload#ace_id=lesson-8`;
    await slowDown(context, page, BYTES_PER_SECOND);
    await page.goto(address);
    await page.getByLabel('Choose a file').setInputFiles(file);
    await page.getByRole('button', { name: 'Upload' }).click();
    await isHalfWay();
    await page.close();

    const again = await context.newPage();
    await again.goto(address);
    await again.getByRole('heading', { name: 'Not finished yet' }).waitFor();
    await again.getByLabel('Choose a file').setInputFiles(file);
    await again.getByRole('button', { name: 'Upload' }).click();

    await again.getByText('Your recording can be watched.').waitFor();
    expect(begun()).toBe(1);
    await again.reload();
    await again.getByText('Your recording can be watched.').waitFor();
  });

  /** Uploads a file that the browser can open again, closes the page half way, and opens it once more. */
  async function leaveHalfWay(name: string, aceId: string): Promise<Page> {
    const address = `${sluice.pipelineUrl}/upload#ace_id=${aceId}`;
    await pickFromOrigin(name);
    await slowDown(context, page, BYTES_PER_SECOND);
    await page.goto(address);
    await page.getByText('Choose a file').click();
    await page.getByRole('button', { name: 'Upload' }).click();
    await isHalfWay();
    await page.close();

    const again = await context.newPage();
    await again.goto(address);
    return again;
  }

  it('goes on after the browser was closed with one click, where the browser can open the file again', async () => {
    const again = await leaveHalfWay('lesson.mp4', 'lesson-81');
    await again.getByText('Go on with one click').waitFor();
    await expectAccessible(again, 'upload-unfinished');
    await again.getByRole('button', { name: 'Go on: lesson.mp4' }).click();

    await again.getByText('Your recording can be watched.').waitFor();
    expect(begun()).toBe(1);
    const kept = await again.evaluate(`new Promise((resolve) => {
      const opened = indexedDB.open('sluice-upload');
      opened.onsuccess = () => {
        const count = opened.result.transaction('files').objectStore('files').count();
        count.onsuccess = () => resolve(count.result);
      };
    })`);
    expect(kept).toBe(0);
  });

  it.runIf(isWhole)(
    'says so if the file is no longer there, and takes it as ever once it is chosen again',
    async () => {
      const again = await leaveHalfWay('gone.mp4', 'lesson-82');
      await again.evaluate(
        `navigator.storage.getDirectory().then((folder) => folder.removeEntry('gone.mp4'))`,
      );
      await again.getByRole('button', { name: 'Go on: gone.mp4' }).click();

      await again.getByText('gone.mp4 cannot be read').waitFor();
      await again.getByText('Choose the same file again to go on').waitFor();
      expect(await again.getByRole('button', { name: 'Go on: gone.mp4' }).count()).toBe(0);
    },
  );

  it('gives several files ids of their own, pauses and goes on, and tells refusals in plain words', async () => {
    const second = await writeVideo(join(folder, 'part-two.mp4'), MIB);
    await slowDown(context, page, BYTES_PER_SECOND);
    await page.goto(`${sluice.pipelineUrl}/upload#ace_id=lesson-9`);
    await page.getByLabel('Choose a file').waitFor({ state: 'attached' });
    await expectAccessible(page, 'upload-empty');
    await page.getByLabel('Choose a file').setInputFiles([file, second]);
    const ids = async () => {
      const fields = await page.getByLabel('Recording id').all();
      return await Promise.all(fields.map((field) => field.inputValue()));
    };
    await expect.poll(ids).toEqual(['lesson-9', 'lesson-9-2']);
    await expectAccessible(page, 'upload-ready');

    await page.getByRole('button', { name: 'Upload 2 files' }).click();
    await page.getByRole('button', { name: 'Pause: lesson.mp4' }).click();
    await page.getByText('Paused').waitFor();
    await page.getByText(/^[01] of 2 files have arrived/).waitFor();
    await expectAccessible(page, 'upload-paused');
    await page.getByRole('button', { name: 'Go on: lesson.mp4' }).click();
    await expect
      .poll(() => page.getByText('Your recording can be watched.').count(), { timeout: 20_000 })
      .toBe(2);
    await expectAccessible(page, 'upload-done');

    const other = await writeVideo(join(folder, 'other.mp4'), MIB);
    await page.goto('about:blank');
    await page.goto(`${sluice.pipelineUrl}/upload`);
    await page.getByLabel(/^Choose/).setInputFiles(other);
    await page.getByRole('button', { name: 'Upload' }).click();
    await page.getByText('Each file needs the id of its recording.').waitFor();
    await page.getByLabel('Recording id').fill('lesson-9');
    await page.getByRole('button', { name: 'Upload' }).click();
    await page.getByText('has arrived already').waitFor();
    await expectAccessible(page, 'upload-refused');
  });

  it('uploads with the token of the link, and says when it is too old', async () => {
    await context.close();
    await sluice.stop();
    const secret = 'a secret that only the website and this server know';
    sluice = await startProcesses({
      ...simulators.environment,
      REDIS_URL: redis.url,
      UPLOAD_TOKEN_SECRET: secret,
      PLAYABLE_POLL_MIN_S: '0.1',
      PLAYABLE_POLL_MAX_S: '0.3',
    });
    ({ page, context, complaints } = await openPage(browser));
    const open = async (expiresInS: number, aceId: string) => {
      const token = await createUploadToken({ secret, aceId, title: 'Chemistry 2', expiresInS });
      await page.goto('about:blank');
      await page.goto(`${sluice.pipelineUrl}/upload#token=${token}`);
      await page.getByLabel('Choose a file').setInputFiles(file);
      await page.getByRole('button', { name: 'Upload' }).click();
    };

    await open(600, 'lesson-20');
    await page.getByText('Your recording can be watched.').waitFor();
    await open(-600, 'lesson-21');
    await page.getByText('This link is not valid any more.').waitFor();

    expect(simulators.bunny.videos()).toMatchObject([{ title: 'Chemistry 2' }]);
  });
});
