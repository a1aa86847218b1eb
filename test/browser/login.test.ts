import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { expectAccessible, openBrowser, openPage } from '../support/browser.ts';
import { type House, openHouse } from '../support/house.ts';
import { writeRecordings } from '../support/many-recordings.ts';

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
  await page.getByRole('textbox', { name: 'Token' }).fill('not this one');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('alert').waitFor();
  await expectAccessible(page, 'login');
  await page.getByRole('textbox', { name: 'Token' }).fill(TOKEN);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('Nothing fits what you search for.').waitFor();
  expect(page.url()).toBe(`${url}/recordings?state=failed`);
  await page.getByRole('link', { name: 'Overview' }).click();
  await page.getByRole('button', { name: 'Pause the line' }).click();
  await page.getByRole('button', { name: 'Resume the line' }).waitFor();

  await page.getByText('admin', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('textbox', { name: 'Token' }).fill(TOKEN);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('button', { name: 'Resume the line' }).waitFor();
  await page.goto(`${url}/nowhere`);
  await page.getByRole('heading', { name: 'There is nothing at this address.' }).waitFor();
  expect(await page.title()).toBe('There is nothing at this address · Sluice');
  await expectAccessible(page, 'nowhere');
  await page.getByRole('link', { name: 'To the overview' }).click();

  await page.getByRole('button', { name: 'Resume the line' }).waitFor();
  await context.clearCookies();
  await page.getByRole('button', { name: 'Resume the line' }).click();
  await page.getByRole('textbox', { name: 'Token' }).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

it('describes the API on a page that keeps nobody out', async () => {
  const { url } = house.config.pipeline;
  const extraHTTPHeaders = { authorization: `Bearer ${TOKEN}` };
  const { page, context, complaints } = await openPage(browser, { extraHTTPHeaders });
  await page.goto(`${url}/docs`);
  await page.getByRole('link', { name: 'POST /api/zoom/ingest' }).waitFor();
  await page.locator('#retryRecording summary').click();
  await page.locator('#addFile summary').click();
  await expectAccessible(page, 'docs');
  expect(await page.getByRole('main').count()).toBe(1);
  expect(complaints).toEqual([]);
  await context.close();
});

/** Buttons that change nothing but what is shown. */
const HARMLESS = ['Log out', /^Copy/, 'More', 'Clear', 'Read again', 'Try now', 'Close'] as const;

it('shows whoever may only look all pages and no button that does anything', async () => {
  const { url } = house.config.pipeline;
  const make = (body: object) =>
    fetch(`${url}/api/access/tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).then(async (answer) => (await answer.json()) as { token: string });
  const { token } = await make({ name: 'Wall display', role: 'viewer' });
  await make({ name: 'Anna' });
  await writeRecordings(house.config.ledgerAddress, { done: 2, waiting: 3, failed: 2, 'backing-off': 1 });
  const { page, context, complaints } = await openPage(browser);
  await page.goto(`${url}/login`);
  await page.getByRole('textbox', { name: 'Token' }).fill(token);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('Wall display, only looking').waitFor();

  const failed = await page.locator('main a[href^="/recordings/rec_"]').first().getAttribute('href');
  for (const path of ['/', '/recordings', failed ?? '', '/access']) {
    await page.goto(url + path);
    await page.getByText('Wall display, only looking').waitFor();
    await page.locator('.loading').first().waitFor({ state: 'detached' });
    const names = await page
      .getByRole('button')
      .evaluateAll((buttons) =>
        buttons.map((button) => button.getAttribute('aria-label') ?? button.textContent ?? ''),
      );
    const others = names.filter((name) => !HARMLESS.some((each) => new RegExp(each).test(name)));
    expect([path, others]).toEqual([path, []]);
  }
  await page.getByText('may look at everything and change nothing').first().waitFor();

  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('textbox', { name: 'Token' }).fill(TOKEN);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('link', { name: 'Access and what was done' }).click();
  await page.getByText('create access token', { exact: false }).first().waitFor();
  await expectAccessible(page, 'access');
  await page.getByRole('button', { name: 'Revoke the token of Wall display' }).click();
  await page.getByRole('button', { name: 'Revoke it' }).click();
  await page.getByText('The token of Wall display opens nothing any more.').waitFor();
  expect((await fetch(`${url}/api/me`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
  expect(complaints).toEqual([]);
  await context.close();
});
