import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { openBrowser, openPage } from '../support/browser.ts';
import { type House, openHouse } from '../support/house.ts';

const TOKEN = '3f1c9a7be25d4c80963e7fab0c15d2468e90ab37cd51f264';

let browser: Browser;
let house: House;

beforeAll(async () => {
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
});

beforeEach(async () => {
  house = await openHouse({ ADMIN_TOKEN: TOKEN, LOCAL_TRUST: 'off' });
});

afterEach(async () => {
  await house?.close();
});

it('leads an operator who is not logged in to the login and back, and lets a tutor upload without one', async () => {
  const { url } = house.config.pipeline;
  const { page, context, complaints } = await openPage(browser);
  await page.goto(`${url}/upload`);
  await page.getByRole('heading', { name: 'Upload a recording' }).waitFor();

  await page.goto(`${url}/recordings?state=failed`);
  await page.getByLabel('Admin token').fill(TOKEN);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('Nothing fits what you search for.').waitFor();
  expect(page.url()).toBe(`${url}/recordings?state=failed`);
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('button', { name: 'Pause the line' }).click();
  await page.getByRole('button', { name: 'Resume the line' }).waitFor();

  await context.clearCookies();
  await page.getByRole('button', { name: 'Resume the line' }).click();
  await page.getByLabel('Admin token').waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});
