import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
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
  house = await openHouse({ FFPROBE: join(folder, 'ffprobe'), RETRY_ATTEMPTS: '1' });
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

  await runs.getByLabel('Recipe').selectOption('probe');
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
