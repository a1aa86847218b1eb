import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFfprobe } from '../../src/lib/ffprobe.ts';
import { lookAt } from '../../src/tasks/support/look-into.ts';
import { expectAccessible, openBrowser, openPage } from '../support/browser.ts';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { askGraphql } from '../support/graphql.ts';
import { type House, openHouse, SAMPLE } from '../support/house.ts';

let browser: Browser;
let house: House;
let page: Page;
let complaints: string[];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-library-page-'));
  await mkdir(join(folder, 'in', 'courses'), { recursive: true });
  await mkdir(join(folder, 'out'));
  await copyFile(SAMPLE, join(folder, 'in', 'algebra.mp4'));
  // What Chromium plays without codecs of others, with a keyframe each second.
  await promisify(execFile)('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25:d=10', '-c:v', 'libvpx', '-g', '25'],
    ...[
      '-keyint_min',
      '25',
      '-deadline',
      'realtime',
      '-cpu-used',
      '8',
      join(folder, 'in', 'courses', 'rings.webm'),
    ],
  ]);
  browser = await openBrowser();
  house = await openHouse({
    ...QUICK_SETTINGS,
    PATH: process.env['PATH'],
    MEDIA_IN: join(folder, 'in'),
    MEDIA_OUT: join(folder, 'out'),
    MEDIA_OUT_URL: 'https://media.example',
    LEASE_MS: '4000',
  });
  await house.startWorker();
  ({ page, complaints } = await openPage(browser));
});
afterAll(async () => {
  await browser?.close();
  await house?.close();
  await rm(folder, { recursive: true, force: true });
});

const lengthOf = async (path: string) => {
  const probe = createFfprobe({ command: 'ffprobe', searchPath: process.env['PATH'] ?? '' });
  return (await lookAt(probe, path))?.durationS ?? 0;
};

async function trimmed(): Promise<string[]> {
  const at = join(folder, 'out', 'transcoded', 'trimmed');
  const names = await readdir(at, { recursive: true }).catch(() => []);
  return names.filter((name) => /\.\w+$/.test(name)).map((name) => join(at, name));
}

async function idOf(filename: string): Promise<string> {
  const { data } = (await askGraphql(house, '{ assets { id filename } }')) as {
    data: { assets: { id: string; filename: string }[] };
  };
  return data.assets.find((asset) => asset.filename === filename)?.id ?? '';
}

describe('the library', () => {
  it('P36 P37 is looked through, searched, commented on, and made into other things', async () => {
    await page.goto(`${house.config.pipeline.url}/library`);
    await page.getByText('Nothing is known of MEDIA_IN yet').waitFor();
    await expectAccessible(page, 'library-empty');
    await page.getByRole('button', { name: 'Look through MEDIA_IN' }).click();
    await page.getByText('2 found: 2 new, 0 known.').waitFor();
    const assets = page.getByRole('list', { name: 'Assets' });
    await assets.getByText('8 s · 640 × 360').waitFor();
    await page.getByRole('button', { name: 'Look through MEDIA_IN' }).click();
    await page.getByText('2 found: 0 new, 2 known.').waitFor();

    await page.getByLabel('Search').fill('algebra');
    await expect.poll(() => assets.getByRole('listitem').count()).toBe(1);
    await page.getByRole('button', { name: 'Comment on algebra.mp4' }).click();
    await page.getByLabel('Comments on algebra.mp4').fill('The first lesson');
    await page.getByRole('button', { name: 'Keep' }).click();
    await page.getByText('The first lesson').waitFor();

    await page.getByText('No jobs').click();
    await page.getByLabel('Make of it').selectOption('thumbnail');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText('transcoded/algebra_thumbnail.jpg').waitFor();
    await expectAccessible(page, 'library');

    await page.getByRole('button', { name: 'Forget algebra.mp4' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Forget it' }).click();
    await page.getByText('Nothing fits what you search for.').waitFor();
    expect(await readdir(join(folder, 'in'))).toContain('algebra.mp4');
    expect(complaints).toEqual([]);
  });
});

describe('the timeline of an asset', () => {
  it('P18 P36 plays the file, marks a part by mouse, keys and numbers, and cuts it out to the picture', async () => {
    await page.goto(`${house.config.pipeline.url}/library`);
    await page.getByRole('link', { name: 'rings.webm' }).click();
    await page.getByRole('heading', { name: 'rings.webm', level: 1 }).waitFor();
    const scrubber = page.getByRole('slider', { name: 'Where in the film' });
    await expect.poll(() => scrubber.getAttribute('max')).toBe('10');

    await page.getByRole('button', { name: 'Play or pause' }).click();
    await expect.poll(async () => Number(await scrubber.inputValue())).toBeGreaterThan(0.2);
    await page.getByRole('button', { name: 'Play or pause' }).click();
    await scrubber.fill('2.5');
    // By one picture, forth and back.
    await page.getByRole('heading', { name: 'rings.webm', level: 1 }).focus();
    await page.keyboard.press('.');
    await expect.poll(async () => Number(await scrubber.inputValue())).toBeCloseTo(2.54, 2);
    await page.keyboard.press(',');
    await expect.poll(async () => Number(await scrubber.inputValue())).toBeCloseTo(2.5, 2);
    await page.keyboard.press('i');
    expect(await page.getByLabel('From, in seconds').inputValue()).toBe('2.5');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('o');
    expect(await page.getByLabel('To, in seconds').inputValue()).toBe('7.5');
    await page.getByLabel('To, in seconds').fill('6.34');
    await page.getByLabel('To, in seconds').press('Tab');
    await page.getByText('0:03.840 long').waitFor();
    await expectAccessible(page, 'timeline');

    await page.getByLabel('How').selectOption('exact');
    await page.getByRole('button', { name: 'Cut it out' }).click();
    await page.getByRole('list', { name: 'Jobs' }).getByText('From 0:02.500 to 0:06.340').waitFor();
    const [exact = ''] = await trimmed();
    expect(Math.abs((await lengthOf(exact)) - 3.84)).toBeLessThanOrEqual(0.04);
    expect(complaints).toEqual([]);
  });

  it('P18 says at which keyframe a part begins that is cut out as it is', async () => {
    await page.goto(`${house.config.pipeline.url}/timeline/${await idOf('rings.webm')}`);
    const before = await trimmed();
    await page.getByLabel('From, in seconds').fill('3.6');
    await page.getByLabel('From, in seconds').press('Tab');
    await page.getByLabel('To, in seconds').fill('8');
    await page.getByLabel('To, in seconds').press('Tab');
    await page.getByRole('button', { name: 'Cut it out' }).click();
    await page.getByRole('list', { name: 'Jobs' }).getByText('From 0:03.000 to 0:08.000').waitFor();
    const [copy = ''] = (await trimmed()).filter((path) => !before.includes(path));
    expect(Math.abs((await lengthOf(copy)) - 5)).toBeLessThanOrEqual(0.05);
  });

  it('tries the part: it plays from its beginning to its end, and stops there', async () => {
    await page.goto(`${house.config.pipeline.url}/timeline/${await idOf('rings.webm')}`);
    const scrubber = page.getByRole('slider', { name: 'Where in the film' });
    await expect.poll(() => scrubber.getAttribute('max')).toBe('10');
    await page.getByLabel('From, in seconds').fill('4');
    await page.getByLabel('From, in seconds').press('Tab');
    await page.getByLabel('To, in seconds').fill('4.6');
    await page.getByLabel('To, in seconds').press('Tab');
    await page.getByRole('button', { name: 'Play the part' }).click();
    await expect.poll(() => page.evaluate("document.querySelector('video').paused")).toBe(false);
    await expect.poll(() => page.evaluate("document.querySelector('video').paused")).toBe(true);
    const at = Number(await scrubber.inputValue());
    expect(at).toBeGreaterThanOrEqual(4.6);
    expect(at).toBeLessThan(5.6);
  });

  it('hands the file out by ranges, to those who may look', async () => {
    const url = `${house.config.pipeline.url}/api/assets/${await idOf('rings.webm')}/file`;
    const part = await fetch(url, { headers: { range: 'bytes=4-7' } });
    expect([part.status, part.headers.get('content-type'), (await part.arrayBuffer()).byteLength]).toEqual([
      206,
      'video/webm',
      4,
    ]);
    const stranger = await fetch(url, { headers: { 'x-forwarded-for': '203.0.113.7' } });
    expect([401, 403]).toContain(stranger.status);
    expect((await fetch(url.replace(/rec_\w+/, 'rec_000000000000000000000000'))).status).toBe(404);
  });
});
