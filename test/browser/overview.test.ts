import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectAccessible, openBrowser, openPage } from '../support/browser.ts';
import { fillLedger, KEPT, TITLES } from '../support/filled-ledger.ts';
import { type House, openHouse } from '../support/house.ts';

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
  house = await openHouse({ CIRCUIT_OPEN_MIN_S: '60', CIRCUIT_OPEN_MAX_S: '120', SILENT_AFTER_S: '2' });
  ({ page, complaints } = await openPage(browser));
});

afterEach(async () => {
  expect(complaints).toEqual([]);
  await page.context().close();
  await house?.close();
});

const region = (name: string | RegExp) => page.getByRole('region', { name });
const allClear = () => page.getByText('What comes in begins at once.');
const glance = async () =>
  (await page.getByRole('list', { name: 'At a glance' }).getByRole('link').allInnerTexts()).map((text) =>
    text.replace(/\s+/g, ' ').trim(),
  );

describe('the overview of a full ledger', () => {
  it('counts all, groups what waits and what failed by its cause, and keeps nobody out', async () => {
    await fillLedger(house.config.ledgerAddress);
    await page.goto(house.config.pipeline.url);

    const waiting = region('Waiting for something else (9)');
    for (const words of [
      /^4 wait for Backblaze B2, tried again at \d\d:\d\d$/,
      /^1 waits for its time, at /,
      /^1 waits to be tried again, at .*: A service refused a request\.$/,
      /^2 are set aside$/,
      /^1 is being taken back$/,
    ]) {
      await waiting.getByRole('heading', { name: words }).waitFor();
    }
    expect((await glance()).slice(0, 5)).toEqual([
      '0 moving',
      '8 in line',
      '9 waiting for something',
      '7 failed',
      expect.stringMatching(/^\d+ done today$/),
    ]);
    const needed = region('Needs you (7)');
    await needed.getByText('Trying again cannot help.').waitFor();
    expect(await needed.getByRole('button', { name: 'Try again: Office hours' }).count()).toBe(0);
    await needed.getByRole('link', { name: 'Show all 5' }).waitFor();
    expect(await page.evaluate('document.querySelectorAll("script:not([src])").length')).toBe(0);

    // The chat and the transcript stand under their video, in the line as in what is done.
    for (const [name, title] of [
      [/^In line/, 'Statistics workshop, part 3'],
      ['Recently done', TITLES.cyrillic],
    ] as const) {
      const listed = region(name).getByRole('listitem').filter({ hasText: title });
      expect(await listed.count()).toBe(1);
      await listed.getByRole('link', { name: `chat of ${title}` }).waitFor();
      await listed.getByRole('link', { name: `transcript of ${title}` }).waitFor();
    }
    await expectAccessible(page, 'full-overview');
  });

  it('leads to lists with the same content, and from a chat to its video', async () => {
    const ids = await fillLedger(house.config.ledgerAddress);
    await page.goto(`${house.config.pipeline.url}/recordings`);
    const list = page.getByRole('list', { name: 'Recordings' });
    await list.getByText(TITLES.html).first().waitFor();
    expect(await list.getByRole('listitem').count()).toBe(KEPT.filter(({ companion }) => !companion).length);
    await expectAccessible(page, 'full-recordings');
    await page.goto(
      `${house.config.pipeline.url}/recordings?waits=something&code=SERVICE_DOWN&service=b2&from=2026-01-01`,
    );
    await page.getByText('what needs Backblaze B2').waitFor();
    await expect.poll(() => list.getByRole('listitem').count()).toBe(4);
    await expectAccessible(page, 'narrowed-recordings');

    await page.goto(`${house.config.pipeline.url}/recordings/${ids[1]}`);
    await page.getByText('of the video').getByRole('link', { name: 'Algebra II: quadratic forms' }).waitFor();
    await expectAccessible(page, 'chat');
  });

  it('tries all of one cause again by one button, by keyboard alone', async () => {
    await fillLedger(house.config.ledgerAddress);
    await page.goto(house.config.pipeline.url);
    await page.getByRole('button', { name: 'Try all 5 again' }).focus();
    await page.keyboard.press('Enter');

    await page.getByText('5 recordings go on.').waitFor();
    await region('Needs you (2)').waitFor();
    await region('In line (13)').waitFor();
    await page.getByRole('link', { name: '2 failed' }).first().focus();
    await page.keyboard.press('Enter');
    await expect
      .poll(() => page.getByRole('list', { name: 'Recordings' }).getByRole('listitem').count())
      .toBe(2);
  });
});

describe('that all is well is said only where it is', () => {
  it('not while the worker is silent', async () => {
    const worker = await house.startWorker();
    await page.goto(house.config.pipeline.url);
    await allClear().waitFor();

    await worker.stop();
    await page.getByText(/Nothing moves\. The worker .*/).waitFor();
    expect(await allClear().count()).toBe(0);
  });

  it('not while a service is left alone, and what waits for it is shown with the time of the next try', async () => {
    house.b2.fail({ on: '* *', status: 503, count: 100_000 });
    await house.startWorker();
    await page.goto(house.config.pipeline.url);
    for (const title of ['First', 'Second', 'Third', 'Fourth']) await house.addCustom(title);

    const waiting = region('Waiting for something else (4)');
    await waiting
      .getByRole('heading', { name: /^4 wait for Backblaze B2, tried again at \d\d:\d\d$/ })
      .waitFor();
    await page.getByText('Nothing moves. What needs Backblaze B2 waits until it answers again.').waitFor();
    expect(await allClear().count()).toBe(0);
    await waiting.getByRole('link', { name: 'Show all 4' }).click();
    await expect
      .poll(() => page.getByRole('list', { name: 'Recordings' }).getByRole('listitem').count())
      .toBe(4);
  });

  it('not while something waits for its time, which a German reads in German', async () => {
    await house.startWorker();
    const at = new Date(Date.now() + 30 * 3_600_000);
    await house.addCustom('Tomorrow', { not_before: at.toISOString() });
    const german = await openPage(browser, { locale: 'de-DE', timezoneId: 'Europe/Berlin' });
    page = german.page;
    await page.goto(house.config.pipeline.url);

    const time = new Intl.DateTimeFormat('de-DE', {
      timeZone: 'Europe/Berlin',
      ...{ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
    }).format(at);
    await region('Waiting for something else (1)')
      .getByRole('heading', { name: `1 waits for its time, at ${time}` })
      .waitFor();
    await page.getByText('Nothing moves. What waits stands below, with its reason.').waitFor();
    expect(await allClear().count()).toBe(0);
    expect(german.complaints).toEqual([]);
  });
});
