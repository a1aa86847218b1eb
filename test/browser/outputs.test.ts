import { mkdir, rm } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectAccessible, openBrowser, openPage } from '../support/browser.ts';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { type House, openHouse } from '../support/house.ts';
import { openPainting } from '../support/painting.ts';

const RECIPES = `
default: gallery
recipes:
  - name: gallery
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: poster, task: thumbnail, takes: { file: fetch.file }, after: archive }
      - { id: oil, task: paint, takes: { file: fetch.file }, after: poster }
      - { id: ink, task: paint, takes: { file: fetch.file }, after: poster }
      - { id: tidy, task: cleanup, after: [poster, oil, ink] }
`;

let browser: Browser;
let painting: Awaited<ReturnType<typeof openPainting>>;
let out: string;
let house: House;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  browser = await openBrowser();
  painting = await openPainting(RECIPES);
  out = `${painting.settings.TASKS_DIR}-out`;
  await mkdir(out);
  house = await openHouse({
    ...QUICK_SETTINGS,
    ...painting.settings,
    PATH: process.env['PATH'],
    MEDIA_OUT: out,
    MEDIA_OUT_URL: 'https://media.example',
    LEASE_MS: '10000',
  });
  await house.startWorker();
  ({ page, complaints } = await openPage(browser));
  // While a film is looked at nothing else is quick here.
  page.setDefaultTimeout(50_000);
});
afterAll(async () => {
  await browser?.close();
  await house?.close();
  await painting?.close();
  await rm(out, { recursive: true, force: true });
});

it('a recording shows its steps as a tree: what is made, how far, at what cost, why not; and one is revoked and made after all', async () => {
  await painting.tell('refuse-oil', 'hold-ink');
  const { id } = await house.addCustom('Sunflowers');
  await page.goto(`${house.config.pipeline.url}/recordings/${id}`);
  const steps = page.getByRole('region', { name: 'Steps' });
  await steps.getByText('STREAM_MISSING').waitFor();
  await steps.getByRole('progressbar', { name: /^Paint/ }).waitFor();
  expect(await steps.getByRole('progressbar').getAttribute('aria-valuenow')).toBe('25');
  const link = steps.getByRole('link', { name: 'thumbnail.jpg' });
  expect(await link.getAttribute('href')).toMatch(/^https:\/\/media\.example\/runs\/rec_/);
  await steps.getByText(/of processor time in/).waitFor();
  await expectAccessible(page, 'outputs');

  await steps.getByRole('button', { name: 'Revoke: ink' }).click();
  await steps.getByRole('button', { name: 'Make it after all: ink' }).waitFor();
  await house.reaches(id, 'done');
  await painting.untell('refuse-oil', 'hold-ink');
  await steps.getByRole('button', { name: 'Try again: oil' }).click();
  await steps.getByRole('button', { name: 'Remove: oil' }).waitFor();
  expect(await painting.painted(id)).toEqual(['oil']);
  expect(complaints).toEqual([]);
}, 120_000);
