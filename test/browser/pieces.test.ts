import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectAccessible, openBrowser, openPage } from '../support/browser.ts';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { type House, openHouse } from '../support/house.ts';

let browser: Browser;
let house: House;
let page: Page;
let complaints: string[];
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-pieces-page-'));
  await Promise.all(['in', 'out'].map((name) => mkdir(join(folder, name))));
  await promisify(execFile)('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=25:d=12', '-f', 'lavfi', '-i', 'sine=d=12'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', join(folder, 'in', 'film.mp4')],
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
  ({ page, complaints } = await openPage(browser));
});
afterAll(async () => {
  await browser?.close();
  await house?.close();
  await rm(folder, { recursive: true, force: true });
});

async function cut(): Promise<string> {
  const answer = await house.post('/api/runs', {
    input: 'media-in:film.mp4',
    outputs: [{ id: 'pieces', task: 'chunk', params: { seconds: 2, exact: true } }],
  });
  return ((await answer.json()) as { id: string }).id;
}

it('P33 P35 pieces appear one by one while a recording is cut, and stay for who comes later', async () => {
  const run = await cut();
  await page.goto(`${house.config.pipeline.url}/chunker/${run}`);
  const status = page.getByRole('region', { name: 'How far it is' }).getByRole('status');
  await status.getByText('Waits for its turn').waitFor();
  await page.getByText('None yet.').waitFor();
  await expectAccessible(page, 'pieces-waiting');

  // Each number of rows that the page has shown.
  await page.evaluate(`(() => {
    window.counts = [];
    new MutationObserver(() => {
      const rows = document.querySelectorAll('tbody tr').length;
      if (window.counts.at(-1) !== rows) window.counts.push(rows);
    }).observe(document.body, { childList: true, subtree: true });
  })()`);
  await house.startWorker();
  await status.getByText('All pieces are there').waitFor();
  expect(await page.locator('tbody tr').count()).toBe(6);
  const counts = (await page.evaluate('window.counts')) as number[];
  expect(counts.length).toBeGreaterThan(3);
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  const links = page.getByRole('link', { name: 'piece-00006.mp4' });
  expect(await links.getAttribute('href')).toMatch(/^https:\/\/media\.example\/runs\//);
  await expectAccessible(page, 'pieces-done');

  await page.reload();
  await status.getByText('All pieces are there').waitFor();
  expect(await page.locator('tbody tr').count()).toBe(6);

  await page.getByRole('link', { name: `the run ${run}` }).click();
  await page.getByRole('link', { name: 'Its pieces, one by one' }).click();
  await page.getByRole('heading', { name: 'Pieces', level: 1 }).waitFor();
  expect(complaints).toEqual([]);
});

it('a run that there is not is told so', async () => {
  await page.goto(`${house.config.pipeline.url}/chunker/rec_000000000000000000000000`);
  await page.getByRole('alert').getByText('No recording has the id').waitFor();
});
