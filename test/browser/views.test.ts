import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectAccessible, openBrowser, openPage } from '../support/browser.ts';
import { type House, openHouse, writeVideo } from '../support/house.ts';
import { writeRecordings } from '../support/many-recordings.ts';

const MIB = 1024 * 1024;

/** Where the picture for the README is put, if it is wanted. */
const PICTURE = process.env['PICTURE'];

let browser: Browser;
let house: House;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
});

beforeEach(async () => {
  house = await openHouse({ RETRY_ATTEMPTS: '3' });
  ({ page, complaints } = await openPage(browser));
});

afterEach(async () => {
  expect(complaints).toEqual([]);
  await page.context().close();
  await house?.close();
});

/** A house with something in every state. */
async function furnish({ failed = 1, bytes = 24 * MIB, bytesPerSecond = 300_000 } = {}) {
  const path = await writeVideo(join(house.files, 'geometry.mp4'), 0);
  const { id: failedId } = await house.addCustom('Geometry for beginners', { path });
  await rename(path, `${path}.away`);
  house.bunny.fail({ on: 'POST /library/*/videos', status: 500, count: 2 });
  const { id: doneId } = await house.addZoom('Trigonometry, lesson 3', MIB);
  const worker = await house.startWorker();
  await house.reaches(doneId, 'done');
  await house.announced(doneId);
  await worker.stop();
  for (const link of [house.zoom.cdn.link, house.b2.link, house.bunny.link])
    link.bytesPerSecond = bytesPerSecond;
  const { id: movingId } = await house.addZoom('Linear algebra: eigenvalues and eigenvectors', bytes);
  await house.startWorker();
  await house.reaches(movingId, 'moving');
  await writeRecordings(house.config.ledgerAddress, { done: 40, waiting: 12, failed, 'backing-off': 2 });
  return { failedId, doneId, movingId };
}

describe('each view of the dashboard', () => {
  it('keeps nobody out, on a phone and on a desk, in light and in dark', async () => {
    const { failedId, doneId, movingId } = await furnish();
    const { url } = house.config.pipeline;

    await page.goto(url);
    await page.getByText('Lesson', { exact: false }).first().waitFor();
    await page.getByText('left', { exact: false }).first().waitFor();
    await expectAccessible(page, 'overview');
    await page.goto(`${url}/recordings`);
    await page.getByRole('button', { name: 'More' }).waitFor();
    await expectAccessible(page, 'recordings');
    for (const [name, id, sign] of [
      ['failed', failedId, 'Try again: Geometry for beginners'],
      ['done', doneId, 'Send again: recording.published'],
      ['moving', movingId, 'Cancel…: Linear algebra: eigenvalues and eigenvectors'],
    ] as const) {
      await page.goto(`${url}/recordings/${id}`);
      await page.getByRole('button', { name: sign }).waitFor();
      await expectAccessible(page, name);
    }
    await page.getByRole('button', { name: /^Cancel…/ }).click();
    await page.getByRole('dialog').waitFor();
    await expectAccessible(page, 'cancel');
  });

  it('says when there is nothing to show, or no such thing', async () => {
    const { url } = house.config.pipeline;

    await page.goto(url);
    await page.getByText('Nobody waits.').waitFor();
    await expectAccessible(page, 'empty');
    await page.goto(`${url}/recordings?q=nothing`);
    await page.getByText('Nothing fits what you search for.').waitFor();
    await page.goto(`${url}/recordings/rec_none`);
    await page.getByRole('heading', { name: 'There is no such recording' }).waitFor();
    await expectAccessible(page, 'missing');
  });

  it.runIf(PICTURE !== undefined)('is pictured for the README', async () => {
    await furnish({ failed: 0, bytes: 160 * MIB, bytesPerSecond: 12 * MIB });
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await page.goto(house.config.pipeline.url);
    const published = page.getByRole('progressbar', { name: 'Publish to Bunny Stream' });
    await expect
      .poll(async () => Number(await published.getAttribute('aria-valuenow')), { timeout: 30_000 })
      .toBeGreaterThan(40);
    await page.screenshot({ path: PICTURE });
  });
});
