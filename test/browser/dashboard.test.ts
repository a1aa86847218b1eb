import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openBrowser, openPage } from '../support/browser.ts';
import { type House, openHouse, writeVideo } from '../support/house.ts';
import { writeRecordings } from '../support/many-recordings.ts';

const MIB = 1024 * 1024;

let browser: Browser;
let house: House;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
});

describe('the dashboard', () => {
  beforeEach(async () => {
    house = await openHouse({ RETRY_ATTEMPTS: '2' });
  });

  afterEach(async () => {
    await house?.close();
  });

  it('shows a recording from its arrival until it is playable, without being loaded anew', async () => {
    const { page, context, complaints } = await openPage(browser);
    await page.goto(house.config.pipeline.url);
    await page.getByText('Nothing moves. The worker has not been heard of yet.').waitFor();
    house.zoom.cdn.link.bytesPerSecond = 2 * MIB;

    const { id } = await house.addZoom('Algebra 1', 3 * MIB);
    const inLine = page.getByRole('region', { name: /^In line/ });
    await inLine.getByRole('link', { name: 'Algebra 1' }).waitFor();
    await house.startWorker();

    const moving = page.getByRole('region', { name: 'Moving now' });
    await moving.getByRole('link', { name: 'Algebra 1' }).waitFor();
    const fetched = moving.getByRole('progressbar', { name: 'Fetch from Zoom' });
    await expect.poll(async () => Number(await fetched.getAttribute('aria-valuenow'))).toBeGreaterThan(0);
    const done = page.getByRole('region', { name: 'Recently done' });
    await done.getByText('Done, playable').waitFor();
    await page.getByText('Nothing moves. What comes in begins at once.').waitFor();
    expect(await page.getByText('has not been heard of').count()).toBe(0);
    const { video } = (await (await fetch(`${house.config.pipeline.url}/api/recordings/${id}`)).json()) as {
      video: { player_url: string };
    };
    expect(await done.getByRole('link', { name: /^Watch: Algebra 1/ }).getAttribute('href')).toBe(
      video.player_url,
    );
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('C36 says in plain words why a recording has failed, and lets it be tried again', async () => {
    const path = await writeVideo(join(house.files, 'geometry.mp4'), 0);
    const { id } = await house.addCustom('Geometry', { path });
    await rename(path, `${path}.away`);
    await house.startWorker();
    await house.reaches(id, 'failed');
    const { page, context } = await openPage(browser);
    await page.goto(house.config.pipeline.url);
    const needed = page.getByRole('region', { name: /^Needs you/ });
    await needed.getByText('The file that was handed over is no longer there.').waitFor();

    await rename(`${path}.away`, path);
    await needed.getByRole('button', { name: 'Try again: Geometry' }).click();

    await page.getByRole('region', { name: 'Recently done' }).getByText('Geometry').first().waitFor();
    await needed.waitFor({ state: 'detached' });
    await context.close();
  });

  it('says that the connection is lost, and shows what has happened meanwhile once it is back', async () => {
    const { page, context } = await openPage(browser);
    await page.goto(house.config.pipeline.url);
    await page.getByText('Nobody waits.').waitFor();

    await context.setOffline(true);
    await page.getByText('No connection to the server.').waitFor();
    await house.addCustom('Came meanwhile');
    await context.setOffline(false);

    await page.getByRole('link', { name: 'Came meanwhile' }).waitFor();
    await page.getByText('No connection to the server.').waitFor({ state: 'detached' });
    await context.close();
  });

  it('B10 works by keyboard alone, and keeps the focus where the button was', async () => {
    const { id } = await house.addCustom('History');
    const { page, context } = await openPage(browser);
    await page.goto(`${house.config.pipeline.url}/recordings/${id}`);
    await page.getByRole('button', { name: 'Cancel…: History' }).focus();

    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Cancel “History”?' }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    expect((await house.recordings.get(id))?.state).toBe('waiting');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Cancel the recording' }).focus();
    await page.keyboard.press('Enter');

    await page.getByRole('button', { name: 'Bring it home after all: History' }).waitFor();
    expect((await house.recordings.get(id))?.state).toMatch(/^cancel/);
    await expect.poll(() => page.evaluate('document.activeElement !== document.body')).toBe(true);
    await context.close();
  });

  it('B23 pauses the line and lets it go on', async () => {
    await house.startWorker();
    const { page, context } = await openPage(browser);
    await page.goto(house.config.pipeline.url);

    await page.getByRole('button', { name: 'Pause the line' }).click();
    await page.getByText('The line is paused.', { exact: true }).waitFor();
    const { id } = await house.addCustom('Later');
    await page.getByRole('link', { name: 'Later' }).waitFor();
    await page.getByRole('button', { name: 'Resume the line' }).click();

    await house.reaches(id, 'done');
    await context.close();
  });

  it('shows the first view with 10,000 recordings, and finds one among them', async () => {
    await writeRecordings(house.config.ledgerAddress, { done: 9000, waiting: 950, failed: 50 });
    const { id } = await house.addCustom('The needle');
    const { page, context } = await openPage(browser);

    await page.goto(house.config.pipeline.url);
    await page.getByRole('region', { name: 'In line (951)' }).getByRole('listitem').first().waitFor();
    await page.getByRole('region', { name: 'Needs you (50)' }).waitFor();
    await page.getByRole('link', { name: 'Recordings', exact: true }).click();
    await page.getByRole('button', { name: 'More' }).click();
    await expect
      .poll(() => page.getByRole('list', { name: 'Recordings' }).getByRole('listitem').count())
      .toBe(100);
    await page.getByLabel('Search').fill('needle');
    await expect
      .poll(() => page.getByRole('list', { name: 'Recordings' }).getByRole('listitem').count())
      .toBe(1);
    expect(page.url()).toContain('q=needle');
    await page.reload();
    await page.getByRole('link', { name: 'The needle' }).click();
    expect(new URL(page.url()).pathname).toBe(`/recordings/${id}`);
    await context.close();
  });
});
