import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser, openPage } from '../support/browser.ts';
import { type House, openHouse } from '../support/house.ts';

let browser: Browser;
let house: House;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  browser = await openBrowser();
  house = await openHouse({ ADMIN_TOKEN: 'an-admin-token-of-this-house' });
  ({ page, complaints } = await openPage(browser));
});
afterAll(async () => {
  await browser?.close();
  await house?.close();
});

describe('GraphiQL', () => {
  it('asks this server, and nobody else for anything (P1)', async () => {
    await page.goto(`${house.config.pipeline.url}/graphiql`);
    await page.locator('.result-window .CodeMirror').waitFor();
    await page.locator('.graphiql-query-editor .CodeMirror').getByText('hasNextPage').waitFor();
    await page.getByRole('button', { name: /Execute query/ }).click();

    await page.locator('.result-window').getByText('hasNextPage').waitFor();
    await page.locator('.result-window').getByText('"0.1.0"').waitFor();
    expect(complaints).toEqual([]);
  });

  it('shows the schema with what it says', async () => {
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await page.getByRole('link', { name: 'Mutation' }).click();

    await page.getByText('Looks through MEDIA_IN, with all folders below it').first().waitFor();
    expect(complaints).toEqual([]);
  });

  it('is shown to nobody who is not logged in', async () => {
    const answer = await fetch(`${house.config.pipeline.url}/graphiql`, {
      headers: { 'x-forwarded-for': '203.0.113.7' },
    });
    expect(answer.status).toBe(401);
  });
});
