import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import { expectAccessible, openBrowser, openPage } from '../support/browser.ts';
import { writeVideo } from '../support/house.ts';
import { type Processes, startProcesses } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { slowDown, unfinishedUploads } from '../support/upload-page.ts';
import { theseOf } from '../support/whole-tables.ts';

const MIB = 1024 * 1024;
const FILE_BYTES = 6 * MIB;

/** One that does not arrive as a whole while something is done about it, at a line of half a MiB a second. */
const LONG_FILE_BYTES = 3 * FILE_BYTES;
const LONG_LINE = MIB / 2;

let browser: Browser;
let redis: TestRedis;
let simulators: AllSimulators;
let sluice: Processes;
let folder: string;
let page: Page;
let context: BrowserContext;
let complaints: string[];

beforeAll(async () => {
  browser = await openBrowser();
  folder = await mkdtemp(join(tmpdir(), 'sluice-upload-care-'));
  redis = await startRedis();
  simulators = await startAllSimulators();
  sluice = await startProcesses({
    ...simulators.environment,
    REDIS_URL: redis.url,
    UPLOAD_MAX_BYTES: String(20 * MIB),
    PLAYABLE_POLL_MIN_S: '0.1',
    PLAYABLE_POLL_MAX_S: '0.3',
  });
});

afterAll(async () => {
  await browser?.close();
  await sluice?.stop();
  await simulators?.close();
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  ({ page, context, complaints } = await openPage(browser));
});

afterEach(async () => {
  await context?.close();
  expect(complaints).toEqual([]);
});

const open = (link: string, shown = page) => shown.goto(`${sluice.pipelineUrl}/upload${link}`);
const choose = (files: string | string[], shown = page) => shown.locator('#file').setInputFiles(files);
const begin = () => page.getByRole('button', { name: /^Upload/ }).click();
const unfinished = () => unfinishedUploads(sluice.dataDir);
/** Waits until some of the newest upload is on the server's disk; gives its id. */
async function isHalfWay(before: ReadonlyMap<string, number>): Promise<string> {
  const fresh = async () => [...(await unfinished())].find(([id, bytes]) => !before.has(id) && bytes > MIB);
  await expect.poll(fresh, { timeout: 20_000, interval: 20 }).toBeDefined();
  return (await fresh())?.[0] ?? '';
}
const arrived = (shown = page) => shown.locator('.afterwards').first().waitFor();

describe('cancelling an upload', () => {
  it('is asked about, from the keyboard too, and nothing ends before the answer', async () => {
    const file = await writeVideo(join(folder, 'asked.mp4'), LONG_FILE_BYTES);
    await slowDown(context, page, LONG_LINE);
    await open('#ace_id=asked');
    await choose(file);
    const before = await unfinished();
    await begin();
    const id = await isHalfWay(before);

    const cancel = page.getByRole('button', { name: 'Cancel: asked.mp4' });
    await cancel.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Cancel the upload of “asked.mp4”?' });
    await dialog.waitFor();
    expect(await dialog.innerText()).toMatch(/\d [kM]B have arrived and are deleted/);
    expect(await page.locator(':focus').innerText()).toBe('Keep it');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    expect(await page.locator(':focus').getAttribute('aria-label')).toBe('Cancel: asked.mp4');
    expect((await unfinished()).has(id)).toBe(true);

    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Cancel the upload' }).click();
    await expect.poll(async () => (await unfinished()).has(id)).toBe(false);
    await cancel.waitFor({ state: 'detached' });
    expect(await page.locator('h1:focus').count()).toBe(1);
    await page.reload();
    await page.locator('#file').waitFor({ state: 'attached' });
    expect(await page.getByText('Not finished yet').count()).toBe(0);
  });

  it('lies apart from pausing', async () => {
    const file = await writeVideo(join(folder, 'apart.mp4'), LONG_FILE_BYTES);
    await page.setViewportSize({ width: 360, height: 780 });
    await slowDown(context, page, LONG_LINE);
    await open('#ace_id=apart');
    await choose(file);
    await begin();

    const boxOf = (name: string) => page.getByRole('button', { name: `${name}: apart.mp4` }).boundingBox();
    const [pause, cancel] = [await boxOf('Pause'), await boxOf('Cancel')];
    if (!pause || !cancel) throw new Error('a button is not shown');
    expect(cancel.y - (pause.y + pause.height)).toBeGreaterThan(40);
  });

  it('is done later where the server cannot be reached, although the browser was closed', async () => {
    const file = await writeVideo(join(folder, 'later.mp4'), LONG_FILE_BYTES);
    await slowDown(context, page, LONG_LINE);
    await open('#ace_id=later');
    await choose(file);
    const before = await unfinished();
    await begin();
    const id = await isHalfWay(before);
    await sluice.kill('tus');
    await page.getByRole('button', { name: 'Cancel: later.mp4' }).click();
    await page.getByRole('button', { name: 'Cancel the upload' }).click();
    await page.getByText('Cancelled. What has arrived is deleted as soon as').waitFor();
    await page.close();
    await sluice.restart('tus');
    expect((await unfinished()).has(id)).toBe(true);

    const again = await context.newPage();
    await open('#ace_id=later', again);

    await expect.poll(async () => (await unfinished()).has(id)).toBe(false);
    expect(await again.getByText('Not finished yet').count()).toBe(0);
  });
});

describe('before anything is sent', () => {
  it('what is no recording, is empty or too large is told of', async () => {
    const files = {
      'notes.mp4': Buffer.from('WEBVTT\n\nThese are only words.'),
      'slides.mp4': Buffer.from('%PDF-1.7\n\x01\x02'),
      'empty.mp4': Buffer.alloc(0),
      'large.mp4': Buffer.alloc(21 * MIB, 7),
    };
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
    const begun = sluice.output('tus').split('"event":"upload.created"').length;
    await open('#ace_id=told');
    await choose(Object.keys(files).map((name) => join(folder, name)));

    await page.getByText('large.mp4 has 22 MB: at most 21 MB may be uploaded here.').waitFor();
    await page.getByText('notes.mp4 is neither video nor audio.').waitFor();
    await page.getByText('slides.mp4 is neither video nor audio.').waitFor();
    await page.getByText('empty.mp4 is empty.').waitFor();
    expect(await page.getByRole('button', { name: 'Upload' }).count()).toBe(0);
    expect(sluice.output('tus').split('"event":"upload.created"').length).toBe(begun);
  });

  it('an id that is missing or doubled is marked, described and focused', async () => {
    const names = ['one.mp4', 'two.mp4'];
    const files = await Promise.all(names.map((name) => writeVideo(join(folder, name), MIB)));
    await open('');
    await choose(files);
    const ids = page.getByLabel('Recording id');
    await ids.first().fill('same');
    await begin();

    const described = page.locator('input:focus');
    await described.waitFor();
    expect(await described.getAttribute('aria-invalid')).toBe('true');
    expect(await ids.nth(1).evaluate((field) => field.matches(':focus'))).toBe(true);
    await page.getByText('Each file needs the id of its recording.').waitFor();
    await ids.nth(1).fill('same');
    await begin();
    await expect.poll(() => page.getByText('Each recording needs an id of its own.').count()).toBe(2);
    const problem = await ids.first().getAttribute('aria-describedby');
    expect(await page.locator(`#${problem?.split(' ')[0]}`).innerText()).toBe(
      'Each recording needs an id of its own.',
    );
    expect(await page.locator('body').innerText()).not.toContain('ace_id');
  });

  it('a file that has arrived already is not taken for another one', async () => {
    const file = await writeVideo(join(folder, 'twice.mp4'), MIB);
    await open('#ace_id=twice');
    await choose(file);
    await begin();
    await arrived();
    await choose(file);

    await page.getByText('twice.mp4 has arrived already.').waitFor();
    await open('?again');
    await choose(file);
    await page.getByText(/This file has been uploaded before, on .*, as “twice”/).waitFor();
  });
});

describe('a file that was refused for good', () => {
  it('is not offered again', async () => {
    await writeFile(join(folder, 'fake.mp4'), Buffer.alloc(MIB, 0x9d));
    await open('#ace_id=refused');
    await choose(join(folder, 'fake.mp4'));
    await page.getByText('It cannot be told yet whether this is video or audio.').waitFor();
    await begin();
    await page.getByText('The file is neither video nor audio.').waitFor();
    await page.reload();
    await page.locator('#file').waitFor({ state: 'attached' });

    expect(await page.getByText('Not finished yet').count()).toBe(0);
  });
});

describe('a video that a phone has made anew', () => {
  it('is told of, is sent from the beginning, and takes the place of what was begun', async () => {
    const file = await writeVideo(join(folder, 'IMG_1.MOV'), 3 * FILE_BYTES);
    await mkdir(join(folder, 'anew'));
    const anew = await writeVideo(join(folder, 'anew/IMG_1.MOV'), 3 * FILE_BYTES);
    await slowDown(context, page, MIB);
    await open('#ace_id=phone');
    await choose(file);
    const before = await unfinished();
    await begin();
    const first = await isHalfWay(before);
    await page.close();

    page = await context.newPage();
    await open('#ace_id=phone');
    await choose(anew);
    await page.getByText('This is not the file that was begun before (IMG_1.MOV, 18.9 MB)').waitFor();
    await begin();
    await arrived();
    expect([...(await unfinished()).keys()]).not.toContain(first);
    const page2 = await context.newPage();
    await open('#ace_id=phone', page2);
    await arrived(page2);
    expect(await page2.getByText('Not finished yet').count()).toBe(0);
  });

  it('is warned of on an iPhone, where no other promise is made', async () => {
    const agent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1';
    const phone = await openPage(browser, { userAgent: agent });
    await open('', phone.page);
    await phone.page.getByText('A video from the photo library is made anew').waitFor();

    expect(await phone.page.getByText('You may close this page at any time').count()).toBe(0);
    await phone.context.close();
  });
});

describe('while bytes are on their way', () => {
  it('the screen stays on and leaving is asked about, and neither when it is paused', async () => {
    // Stands for the browser's own, which needs a screen.
    await page.addInitScript(() => {
      const held: EventTarget[] = [];
      Object.assign(globalThis, { held });
      const request = async () => {
        const lock = Object.assign(new EventTarget(), {
          released: false,
          async release() {
            held.splice(held.indexOf(lock), 1);
            lock.dispatchEvent(new Event('release'));
          },
        });
        held.push(lock);
        return lock;
      };
      Object.defineProperty(Reflect.get(globalThis, 'navigator'), 'wakeLock', { value: { request } });
    });
    const held = () => page.evaluate('held.length');
    const asksBeforeLeaving = () =>
      page.evaluate("!dispatchEvent(new Event('beforeunload', { cancelable: true }))");
    const file = await writeVideo(join(folder, 'awake.mp4'), FILE_BYTES);
    await slowDown(context, page, MIB);
    await open('#ace_id=awake');
    await choose(file);
    expect([await held(), await asksBeforeLeaving()]).toEqual([0, false]);
    await begin();

    await page.getByText('The screen stays on').waitFor();
    expect([await held(), await asksBeforeLeaving()]).toEqual([1, true]);
    // As browsers do with a page that is not seen.
    await page.evaluate('held[0].release()');
    await expect.poll(held).toBe(0);
    await page.evaluate("void document.dispatchEvent(new Event('visibilitychange'))");
    await expect.poll(held).toBe(1);
    await page.getByRole('button', { name: 'Pause: awake.mp4' }).click();
    await expect.poll(held).toBe(0);
    expect(await asksBeforeLeaving()).toBe(false);
  });
});

const HEADINGS = [
  ['en', 'Upload a recording'],
  ['de', 'Aufnahme hochladen'],
  ['si', 'පටිගත කිරීමක් උඩුගත කරන්න'],
] as const;

describe.each(theseOf(HEADINGS, ['si']))('the page in %s', (language, heading) => {
  it('is read and used by everybody', async () => {
    const files = [await writeVideo(join(folder, `${language}.mp4`), FILE_BYTES), join(folder, 'noise.mp4')];
    await writeFile(join(folder, 'noise.mp4'), Buffer.alloc(MIB, 0x9d));
    await slowDown(context, page, MIB / 2);
    await open(`?lang=${language}`);
    await page.getByRole('heading', { name: heading }).waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe(language);
    await choose(files);
    await page.locator('.note').waitFor();
    await page.locator('button.start').click();
    await page.locator('[aria-invalid="true"]').first().waitFor();
    await expectAccessible(page, `upload-${language}-fields`);

    await page.locator('.fields input[required]').nth(0).fill(`in-${language}`);
    await page.locator('.fields input[required]').nth(1).fill(`noise-${language}`);
    await page.locator('button.start').click();
    await page.locator('.problem').waitFor();
    await page.locator('.head .buttons button').first().click();
    await expectAccessible(page, `upload-${language}-refused`);
    await page.locator('.apart button').first().click();
    await page.getByRole('dialog').waitFor();
    await expectAccessible(page, `upload-${language}-asked`);
    await page.locator('dialog .danger').click();
    await page.getByText(`${language}.mp4`).waitFor({ state: 'detached' });
  });
});

it('changes its language without losing what was chosen', async () => {
  const file = await writeVideo(join(folder, 'kept.mp4'), MIB);
  await open('#ace_id=kept');
  await choose(file);
  await page.getByLabel('Language').selectOption({ label: 'Deutsch' });
  await page.getByRole('button', { name: 'Hochladen' }).waitFor();

  expect(await page.getByText('kept.mp4').count()).toBe(1);
  await page.reload();
  await page.getByRole('heading', { name: 'Aufnahme hochladen' }).waitFor();
  expect(new URL(page.url()).hash).toBe('#ace_id=kept');
});
