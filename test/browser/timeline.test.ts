import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3Simulator, startS3Simulator } from '../../simulators/s3/simulator.ts';
import { expectAccessible, openBrowser, openPage } from '../support/browser.ts';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { askGraphql } from '../support/graphql.ts';
import { type House, openHouse } from '../support/house.ts';
import { s3Environment } from '../support/s3-of-house.ts';

let browser: Browser;
let house: House;
let s3: S3Simulator;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-timeline-page-'));
  await mkdir(join(folder, 'in'));
  const film = (...args: string[]) => promisify(execFile)('ffmpeg', ['-v', 'error', ...args]);
  // A picture that says which second it is, and a sound that swells twice.
  await film(
    ...['-f', 'lavfi', '-i', 'testsrc=s=640x360:r=25:d=24'],
    ...['-f', 'lavfi', '-i', 'aevalsrc=sin(2*PI*220*t)*(0.1+0.9*abs(sin(PI*t/12))):s=48000:d=24'],
    ...['-c:v', 'libvpx', '-g', '25', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libopus'],
    join(folder, 'in', 'lesson.webm'),
  );
  await film('-f', 'lavfi', '-i', 'sine=r=32000:d=3', join(folder, 'in', 'song.flac'));
  [browser, s3] = await Promise.all([openBrowser(), startS3Simulator()]);
  house = await openHouse({
    ...QUICK_SETTINGS,
    PATH: process.env['PATH'],
    ADMIN_TOKEN: 'an-admin-token-of-this-house',
    MEDIA_IN: join(folder, 'in'),
    // A bucket that has no public address: only this server hands out what lies in it.
    MEDIA_OUT: `s3://${s3.bucket}/made`,
    ...s3Environment(s3),
    LEASE_MS: '4000',
  });
  await ask('mutation { scanMediaFolder { found } }');
  await house.startWorker();
  while ((await ask('{ assets(status: "ready") { id } }')).assets.length < 2) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await house?.close();
  await s3?.close();
  await rm(folder, { recursive: true, force: true });
});

async function ask(query: string, variables: object = {}) {
  const { data, errors } = await askGraphql(house, query, variables);
  if (errors !== undefined) throw new Error(errors[0].message);
  return data;
}

async function addressOf(search: string): Promise<string> {
  const { assets } = await ask('query ($search: String) { assets(search: $search) { id } }', { search });
  return `${house.config.pipeline.url}/timeline/${assets[0].id}`;
}

let walls = 0;

/** Whoever may only look, from elsewhere. */
async function openAsReader() {
  walls += 1;
  const response = await house.post('/api/access/tokens', { name: `Wall ${walls}`, role: 'viewer' });
  const { token } = (await response.json()) as { token: string };
  return await openPage(browser, {
    extraHTTPHeaders: { 'x-forwarded-for': '203.0.113.9', authorization: `Bearer ${token}` },
  });
}

const makeButton = (page: Page) => page.getByRole('button', { name: 'Make pictures' });

describe('the pictures of an asset', () => {
  it('have a sign in their place on the page of the library until there is one', async () => {
    const { page, context, complaints } = await openPage(browser);
    await page.goto(`${house.config.pipeline.url}/library`);
    await page.locator('.poster').first().waitFor();
    expect(await page.locator('.poster svg').count()).toBe(2);
    expect(await page.locator('.poster img').count()).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('are asked for by operators alone', async () => {
    const { page, context } = await openAsReader();
    await page.goto(await addressOf('lesson'));
    await page.getByRole('slider', { name: 'Where in the film' }).waitFor();
    await page.getByText('only looking').waitFor();
    expect(await makeButton(page).count()).toBe(0);
    await context.close();
  });

  it('are made by one button, which tells how far they are, and appear by themselves', async () => {
    const { page, context, complaints } = await openPage(browser);
    await page.goto(await addressOf('lesson'));
    await page.getByText('For this page: thumbnail, sprite, waveform.').waitFor();
    expect(await page.locator('.lanes').count()).toBe(0);
    await expectAccessible(page, 'timeline-bare');
    await makeButton(page).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('list', { name: 'Pictures that are being made' }).waitFor();

    await page.locator('.loudness path').first().waitFor();
    await page.locator('.picture-row .of-sheet').first().waitFor();
    await expect
      .poll(() => page.locator('video').getAttribute('poster'))
      .toMatch(/^\/api\/assets\/rec_\w+\/poster\?v=/);
    await makeButton(page).waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
    await context.close();
  }, 60_000);

  it('stand over the moment that is pointed at, or that keys go to', async () => {
    const { page, context, complaints } = await openPage(browser);
    await page.goto(await addressOf('lesson'));
    await page.locator('.picture-row .of-sheet').first().waitFor();
    const lanes = page.locator('.lanes');
    const { width = 0 } = (await lanes.boundingBox()) ?? {};
    await lanes.hover({ position: { x: (width * 13) / 24, y: 20 } });
    const preview = page.locator('.cutter-preview');
    // The third picture: each stands for five seconds.
    await expect
      .poll(() => preview.locator('.of-sheet').getAttribute('style'))
      .toMatch(/sprite-001\.jpg.*-320px/s);
    expect(await preview.textContent()).toMatch(/^0:1[23]\./);
    await expectAccessible(page, 'timeline-pointed');

    const slider = page.getByRole('slider', { name: 'Where in the film' });
    await lanes.click({ position: { x: 8, y: 20 } });
    await expect.poll(async () => Number(await slider.inputValue())).toBeLessThan(1);
    await page.mouse.move(5, 5);
    await preview.waitFor({ state: 'detached' });
    await slider.focus();
    await page.keyboard.press('End');
    await expect.poll(() => preview.locator('.of-sheet').getAttribute('style')).toMatch(/-640px/);
    await page.keyboard.press('Tab');
    await preview.waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
    await context.close();
  }, 60_000);

  it('are seen by those who may only look, also on the page of the library', async () => {
    const { page, context, complaints } = await openAsReader();
    await page.goto(`${house.config.pipeline.url}/library`);
    const picture = page.locator('.poster img');
    await picture.waitFor();
    await expect.poll(() => picture.evaluate((element) => Reflect.get(element, 'naturalWidth'))).toBe(1280);
    await expectAccessible(page, 'library-posters');
    await page.getByRole('link', { name: 'lesson.webm' }).click();
    await page.locator('.loudness path').first().waitFor();
    expect(await makeButton(page).count()).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('are of a sound alone how loud it is', async () => {
    const { page, context } = await openPage(browser);
    await page.goto(await addressOf('song'));
    await page.getByText('For this page: waveform.').waitFor();
    await makeButton(page).click();
    await page.locator('.loudness path').first().waitFor();
    expect(await page.locator('.picture-row').count()).toBe(0);
    await context.close();
  });

  it('leave their place to a sign where they do not come', async () => {
    const { page, context } = await openPage(browser);
    await page.route('**/poster?*', (route) => route.fulfill({ status: 404, body: '' }));
    await page.goto(`${house.config.pipeline.url}/library`);
    await expect.poll(() => page.locator('.poster svg').count()).toBe(2);
    await context.close();
  });
});

it('an asset is played from its package, once there is one', async () => {
  const { page, context, complaints } = await openPage(browser);
  const address = await addressOf('lesson');
  const { createJob } = await ask('mutation ($input: JobInput!) { createJob(input: $input) { id } }', {
    input: { sourceAssetId: address.slice(address.lastIndexOf('/') + 1), presetId: 'hls-720p' },
  });
  expect(await house.reaches(createJob.id, 'done', 'failed')).toBe('done');
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(address);
  const slider = page.getByRole('slider', { name: 'Where in the film' });
  await page.getByRole('button', { name: 'Play or pause' }).click();
  await expect.poll(async () => Number(await slider.inputValue())).toBeGreaterThan(0.3);
  await page.getByRole('button', { name: 'Play or pause' }).click();
  await slider.fill('12.5');
  await expect
    .poll(() => page.evaluate("document.querySelector('video').readyState >= 2"), { timeout: 15_000 })
    .toBe(true);
  await page.getByLabel('From, in seconds').fill('6');
  await page.getByLabel('From, in seconds').press('Tab');
  await expect.poll(() => page.locator('.lanes-outside').first().getAttribute('style')).toMatch(/width: 25%/);
  expect(asked.filter((path) => path.endsWith('.m4s')).length).toBeGreaterThan(0);
  expect(asked.filter((path) => path.endsWith('/file'))).toEqual([]);
  await expectAccessible(page, 'timeline');
  expect(complaints).toEqual([]);
  await context.close();
}, 90_000);
