import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OutputsFact } from '../../src/domain/media/output.ts';
import * as packaging from '../../src/tasks/package.ts';
import * as sprite from '../../src/tasks/sprite.ts';
import * as thumbnail from '../../src/tasks/thumbnail.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { expectAccessible, openBrowser, openPage } from '../support/browser.ts';
import { bringCaptions, secondsOf } from '../support/captioned.ts';
import { makeFilm, picture, QUICK_H264, tone } from '../support/films.ts';
import { bringHome, fileRecording, openTestLedger, type TestLedger } from '../support/ledger.ts';
import { type MediaBench, openMediaBench } from '../support/media-bench.ts';

/** Somebody who is not on this machine. */
const FROM_AFAR = { extraHTTPHeaders: { 'x-forwarded-for': '203.0.113.9' } };

let browser: Browser;
let bench: MediaBench;
let ledger: TestLedger;
let app: TestApp;
let id: string;
let facts: Record<string, object>;

beforeAll(async () => {
  [browser, bench, ledger] = await Promise.all([openBrowser(), openMediaBench(), openTestLedger()]);
  const chapters = [
    { start_s: 0, title: 'What a group is' },
    { start_s: 20, title: 'Subgroups' },
  ];
  const recording = fileRecording('a', { title: 'Algebra, group 2', metadata: { chapters } });
  ({ id } = await ledger.recordings.accept(recording));
  const film = await makeFilm(bench.folder, 'film.mp4', [
    ...[...picture('640x360'), ...tone(32_000, 'mono'), '-t', '40'],
    ...[...QUICK_H264, '-g', '50', '-b:v', '200k', '-c:a', 'aac'],
  ]);
  // Nobody but this server hands the files out.
  const unaddressed = <F extends Partial<OutputsFact>>(fact: F) => ({
    ...fact,
    outputs: fact.outputs?.map((output) => ({ ...output, address: null })),
  });
  const packaged = await bench.run(packaging, film, {}, { fence: 1, recordingId: id });
  await bringCaptions(bench, packaged, secondsOf(40));
  // Each is a step by itself, that knows of no earlier attempt.
  bench.kept.checkpoint = undefined;
  const poster = await bench.run(thumbnail, film, { time: '10%' }, { fence: 2, recordingId: id });
  bench.kept.checkpoint = undefined;
  const timeline = await bench.run(sprite, film, {}, { fence: 3, recordingId: id });
  facts = {
    package: { ...packaged, playback: { hls: null, dash: null } },
    poster: unaddressed(poster),
    sprite: unaddressed(timeline),
  };
  app = await startTestApp(ledger, '127.0.0.1', {
    outputPlaces: bench.tools.outputPlaces,
    watch: {
      mode: 'signed',
      tokenSecrets: ['a secret for links that has many characters'],
      embedOrigins: [],
      linkUrl: undefined,
      mediaUrl: undefined,
    },
  });
}, 240_000);
afterAll(async () => {
  await browser?.close();
  await app?.close();
  await ledger?.close();
  await bench?.close();
});

/** The captions that are shown just now. */
const SHOWN = `[...video.textTracks].filter(({ mode }) => mode === 'showing')
  .flatMap(({ activeCues }) => [...(activeCues ?? [])].map(({ text }) => text)).join()`;

/** Waits until something is true of the page's video. The page's policy lets nothing evaluate texts in it but the debugger. */
const until = (page: Page, condition: string) =>
  expect
    .poll(
      () =>
        page.evaluate(`(() => { const video = document.querySelector('video'); return ${condition}; })()`),
      { timeout: 20_000 },
    )
    .toBe(true);

it('a link opens a page that waits until the recording is encoded, and then plays it', async () => {
  const { page, context, complaints } = await openPage(browser, FROM_AFAR);
  const { body } = await app.post(`/api/recordings/${id}/watch-link`, { expires_s: 600 });
  await page.goto(body.url);
  await page.getByRole('status').getByText('It is not ready yet').waitFor();

  await bringHome(ledger, id, facts);
  const play = page.getByRole('button', { name: 'Play Algebra, group 2' });
  await play.waitFor();
  const fetched: string[] = [];
  page.on('request', (request) => fetched.push(new URL(request.url()).pathname));
  await play.click();
  await until(page, 'video.currentTime > 0.3 && video.videoWidth > 0');
  const segments = fetched.filter((path) => path.endsWith('.m4s'));
  expect(segments.length).toBeGreaterThan(0);
  for (const path of segments) expect(path.startsWith(`/watch/${id}/files/`)).toBe(true);

  await page.keyboard.press('Space');
  await until(page, 'video.paused');
  await page.keyboard.press('5');
  await until(page, 'Math.abs(video.currentTime - 20) < 0.2');
  await page.locator('[aria-current]').getByText('Subgroups').waitFor();
  const captions = page.getByRole('button', { name: 'Captions' });
  expect(await captions.getAttribute('aria-pressed')).toBe('false');
  await until(page, `${SHOWN} === ''`);
  await page.keyboard.press('c');
  await until(page, `/second (19|20)$/.test(${SHOWN})`);
  expect(await captions.getAttribute('aria-pressed')).toBe('true');
  await page.keyboard.press('ArrowLeft');
  await until(page, 'Math.abs(video.currentTime - 15) < 0.2');
  await page.keyboard.press('m');
  await until(page, 'video.muted');
  await page.getByLabel('Speed').selectOption('1.5');
  await until(page, 'video.playbackRate === 1.5');
  await page.getByRole('button', { name: 'Subgroups' }).click();
  await until(page, 'Math.abs(video.currentTime - 20) < 0.2');

  const time = page.getByRole('slider', { name: 'Time' });
  expect(await time.getAttribute('aria-valuetext')).toBe('20 seconds of 40 seconds');
  await time.hover({ position: { x: 300, y: 8 } });
  const small = page.locator('.preview .picture');
  await small.waitFor();
  expect(await small.getAttribute('style')).toMatch(/sprite-001\.jpg/);

  await page.reload();
  await play.click();
  await page.getByText('Goes on at 0:20.').waitFor();
  // Whoever had captions on has them on again.
  await until(page, `/second 2\\d$/.test(${SHOWN})`);
  await page.keyboard.press('c');
  await until(page, `${SHOWN} === ''`);
  await page.getByRole('button', { name: 'From the beginning' }).click();
  await until(page, 'video.currentTime < 5');
  expect(complaints).toEqual([]);
  await context.close();
}, 240_000);

it("a recording's page on the dashboard shows it in a frame", async () => {
  const { page, context, complaints } = await openPage(browser);
  await page.goto(`${app.url}/recordings/${id}`);
  const frame = page.frameLocator('iframe[title="Player"]');
  await frame.getByRole('button', { name: 'Play Algebra, group 2' }).click();
  const video = frame.locator('video');
  await expect
    .poll(() => video.evaluate((element) => Reflect.get(element, 'currentTime')), { timeout: 20_000 })
    .toBeGreaterThan(0);
  await expectAccessible(page, 'recording-watch');
  expect(complaints).toEqual([]);
  await context.close();
}, 60_000);

it('is used by keys alone: who thinks better of it before it plays is heeded, and a button with the focus is pressed alone', async () => {
  const { page, context, complaints } = await openPage(browser);
  let hand = () => {};
  const isHeld = new Promise<void>((resolve) => {
    hand = resolve;
  });
  await page.route(/\/hls[^/]*\.js$/, async (route) => {
    await isHeld;
    await route.continue();
  });
  const begun: string[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/master.m3u8')) begun.push(request.url());
  });
  await page.goto(`${app.url}/watch/${id}`);
  const play = page.getByRole('button', { name: 'Play Algebra, group 2' });
  await play.waitFor();
  await expectAccessible(page, 'watch-ready');

  await play.focus();
  await page.keyboard.press('Space');
  await play.waitFor({ state: 'detached' });
  await page.keyboard.press('Space');
  hand();
  await until(page, 'video.readyState >= 2');
  await until(page, 'video.paused');

  await page.keyboard.press('Space');
  await until(page, '!video.paused && video.currentTime > 0');
  await expectAccessible(page, 'watch-playing');
  await page.keyboard.press('Space');
  await until(page, 'video.paused');
  await page.getByRole('button', { name: 'Mute' }).focus();
  await page.keyboard.press('Space');
  await until(page, 'video.muted && video.paused');
  expect(begun).toHaveLength(1);
  expect(complaints).toEqual([]);
  await context.close();
}, 60_000);

it('nobody without a link sees anything, and is told so', async () => {
  const { page, context } = await openPage(browser, FROM_AFAR);
  await page.goto(`${app.url}/watch/${id}`);
  await page.getByRole('heading', { name: 'This link does not open this recording.' }).waitFor();
  await expectAccessible(page, 'watch-refused');
  await context.close();
});
