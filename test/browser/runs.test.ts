import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectAccessible, openBrowser, openPage } from '../support/browser.ts';
import { type House, openHouse } from '../support/house.ts';

/** Stands in for ffprobe, and works only once somebody has put it right. */
const SAYS = JSON.stringify({ streams: [{ codec_type: 'video' }], format: { format_name: 'mov' } });

let browser: Browser;
let house: House;
let page: Page;
let complaints: string[];
let folder: string;

const ffprobe = async (script: string) => {
  await writeFile(join(folder, 'ffprobe'), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, 'ffprobe'), 0o755);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-runs-page-'));
  await ffprobe('exit 1');
  browser = await openBrowser();
  await mkdir(join(folder, 'out'));
  house = await openHouse({
    FFPROBE: join(folder, 'ffprobe'),
    RETRY_ATTEMPTS: '1',
    MEDIA_OUT: join(folder, 'out'),
  });
  await house.startWorker();
  ({ page, complaints } = await openPage(browser));
});
afterAll(async () => {
  await browser?.close();
  await house?.close();
  await rm(folder, { recursive: true, force: true });
});

it('a recording shows its runs, starts one, and has one tried again; a run leads back to it', async () => {
  const { id } = await house.addCustom('Trigonometry');
  await house.reaches(id, 'done');
  await page.goto(`${house.config.pipeline.url}/recordings/${id}`);
  const runs = page.getByRole('region', { name: 'Further runs' });
  await runs.getByText('None yet.').waitFor();

  await runs.getByLabel('Or a recipe').selectOption('probe');
  await runs.getByRole('button', { name: 'Start a run' }).click();
  const retry = runs.getByRole('button', { name: 'Try again: Trigonometry (probe)' });
  await retry.waitFor();
  await runs.getByText('A program that a step needs is not there').waitFor();
  await runs.getByText('Probe not done').waitFor();
  await expectAccessible(page, 'runs-failed');

  await ffprobe(`printf %s '${SAYS}'`);
  await retry.click();
  await runs.getByText('Done', { exact: true }).waitFor();
  expect(await runs.getByText('not yet').count()).toBe(0);
  await expectAccessible(page, 'runs-done');

  await runs.getByRole('link', { name: /^Run by probe/ }).click();
  await page.getByRole('heading', { name: 'Trigonometry (probe)', level: 1 }).waitFor();
  expect(await page.getByRole('region', { name: 'Further runs' }).count()).toBe(0);
  await expectAccessible(page, 'run');
  await page.getByRole('link', { name: 'Trigonometry', exact: true }).click();
  await page.getByRole('heading', { name: 'Trigonometry', exact: true, level: 1 }).waitFor();
  expect(complaints).toEqual([]);
});

it('what is not home yet cannot have one', async () => {
  const { id } = await house.addCustom('Later', { not_before: '2999-01-01T00:00:00Z' });
  await page.goto(`${house.config.pipeline.url}/recordings/${id}`);

  const runs = page.getByRole('region', { name: 'Further runs' });
  await runs.getByText('None: a run begins from the archived file, which is not there yet.').waitFor();
  expect(await runs.getByRole('button').count()).toBe(0);
});

it('presets are made, changed and removed on their page, and a run begins by them', async () => {
  const { id } = await house.addCustom('Geometry');
  await house.reaches(id, 'done');
  await page.goto(house.config.pipeline.url);
  await page.getByRole('link', { name: 'Presets' }).click();
  await page.getByText('web-720p', { exact: true }).waitFor();
  expect(await page.getByRole('button', { name: 'Change web-720p' }).count()).toBe(0);

  const form = page.getByRole('region', { name: 'A new preset' });
  await form.getByLabel('Name').fill('poster');
  await form.getByLabel('Task').selectOption({ label: 'Thumbnail' });
  await form
    .getByText('It takes to, createBucket, dontReplace, time, width, height, format, mark.')
    .waitFor();
  await form.getByLabel('Parameters').fill('{ "width": "wide" }');
  await form.getByRole('button', { name: 'Make it' }).click();
  await page.getByText('params.width: ').waitFor();
  await form.getByLabel('Parameters').fill('{ "width": 640 }');
  await form.getByRole('button', { name: 'Make it' }).click();
  await page.getByText('thumbnail, width: 640 · version 1').waitFor();
  await expectAccessible(page, 'presets');

  await page.getByRole('button', { name: 'Change poster' }).click();
  await page.getByRole('dialog').getByLabel('Parameters').fill('{ "width": 320 }');
  await page.getByRole('button', { name: 'Change it' }).click();
  await page.getByText('thumbnail, width: 320 · version 2').waitFor();

  await page.goto(`${house.config.pipeline.url}/recordings/${id}`);
  const runs = page.getByRole('region', { name: 'Further runs' });
  await runs.getByLabel('poster').check();
  await runs.getByRole('button', { name: 'Start a run' }).click();
  await runs.getByText('poster v2').waitFor();

  await page.goto(`${house.config.pipeline.url}/presets`);
  await page.getByRole('button', { name: 'Remove poster' }).click();
  await page.getByRole('button', { name: 'Remove it' }).click();
  await page.getByText('poster', { exact: true }).waitFor({ state: 'detached' });
  expect(complaints.filter((complaint) => !complaint.includes('400'))).toEqual([]);
});
