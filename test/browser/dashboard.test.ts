import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openBrowser, openPage } from '../support/browser.ts';
import { type House, openHouse, writeVideo } from '../support/house.ts';

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
    await page.getByText('Nothing moves. What comes in begins at once.').waitFor();
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
});
