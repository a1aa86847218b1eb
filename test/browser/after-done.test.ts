import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectAccessible, openBrowser, openPage } from '../support/browser.ts';
import { happens, sendTranscript } from '../support/faults-house.ts';
import { type House, openHouse, writeVideo } from '../support/house.ts';

let browser: Browser;
let house: House;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  browser = await openBrowser();
  house = await openHouse();
  ({ page, complaints } = await openPage(browser));
});
afterAll(async () => {
  await browser?.close();
  await house?.close();
});

describe('what is home', () => {
  it('is renamed and deleted from its page, once that was asked; what goes is named', async () => {
    await house.startWorker();
    const { id } = await house.addZoom('Trigonometry');
    await happens(house, id, 'video.playable');
    const transcript = await sendTranscript(house, { id });
    await house.reaches(transcript.id, 'done');
    await page.goto(`${house.config.pipeline.url}/recordings/${id}`);

    await page.getByRole('button', { name: 'Rename…' }).click();
    await page.getByLabel('Title').fill('Trigonometry 2');
    await expectAccessible(page, 'rename');
    await page.getByRole('button', { name: 'Rename', exact: true }).click();
    await page.getByRole('heading', { name: 'Trigonometry 2', level: 1 }).waitFor();

    await page.getByRole('button', { name: 'Publish again…' }).click();
    await page.getByText('as a new video').waitFor();
    await expectAccessible(page, 'publish-again');
    await page.getByRole('button', { name: 'Leave it' }).click();

    await page.getByRole('button', { name: 'Delete…' }).click();
    await page.getByText('the video in Bunny Stream, with its captions').waitFor();
    await page.getByLabel('Also what belongs to it: transcript').check();
    await expectAccessible(page, 'delete');
    await page.getByRole('button', { name: 'Delete everywhere' }).click();
    await house.reaches(id, 'deleted');
    await house.reaches(transcript.id, 'deleted');
    await page.getByText('Deleted everywhere').waitFor();
    expect(complaints).toEqual([]);
  });
});

describe('the pages of what was left with Zoom and of announcements', () => {
  it('keep nobody out, bring home what somebody wants, and show what was sent and answered', async () => {
    const path = await writeVideo(join(house.files, 'views.mp4'), 0);
    const meeting = await house.zoom.addMeeting({
      topic: 'Two views',
      files: [
        { path, recordingType: 'shared_screen_with_speaker_view' },
        { path, recordingType: 'gallery_view' },
      ],
    });
    await house.zoom.send(house.webhookUrl, house.zoom.recordingCompleted(meeting));
    await page.goto(`${house.config.pipeline.url}/zoom`);
    await page.getByText('Two views', { exact: true }).waitFor();
    await expectAccessible(page, 'zoom');
    await page.getByRole('button', { name: /^Bring it after all: Two views/ }).click();
    await page.waitForURL(/\/recordings\/rec_/);

    await page.goto(`${house.config.pipeline.url}/announcements`);
    await page.getByText('What was sent and answered').first().click();
    await page.getByText('answered 204').first().waitFor();
    await expectAccessible(page, 'announcements');
    expect(complaints).toEqual([]);
  });
});
