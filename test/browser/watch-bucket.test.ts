import { createHash } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createS3Output } from '../../src/outside/s3/output-place.ts';
import { createRequests } from '../../src/outside/s3/requests.ts';
import * as packaging from '../../src/tasks/package.ts';
import * as sprite from '../../src/tasks/sprite.ts';
import * as thumbnail from '../../src/tasks/thumbnail.ts';
import { startTestApp } from '../support/app.ts';
import { openBrowser, openPage } from '../support/browser.ts';
import { bringCaptions, secondsOf } from '../support/captioned.ts';
import { makeFilm, picture, QUICK_H264, tone } from '../support/films.ts';
import { bringHome, fileRecording, openTestLedger, type TestLedger } from '../support/ledger.ts';
import { openMediaBench } from '../support/media-bench.ts';
import { hasRadosgw, type Radosgw, startRadosgw } from '../support/radosgw.ts';
import { s3Settings } from '../support/s3-worlds.ts';

const FILM_S = 20;

const SLOW_MS = 240_000;

/** As docs/media.md has it, in the words of S3's own API. */
const CORS = `<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod>
<AllowedHeader>range</AllowedHeader><MaxAgeSeconds>86400</MaxAgeSeconds></CORSRule></CORSConfiguration>`;

/** The captions that are shown just now. */
const SHOWN = `[...video.textTracks].filter(({ mode }) => mode === 'showing')
  .flatMap(({ activeCues }) => [...(activeCues ?? [])].map(({ text }) => text)).join()`;

/** Waits until something is true of the page's video. */
const until = (page: Page, condition: string) =>
  expect
    .poll(() =>
      page.evaluate(`(() => { const video = document.querySelector('video'); return ${condition}; })()`),
    )
    .toBe(true);

describe.runIf(hasRadosgw)('what lies in a bucket of a server that is not ours plays in a browser', () => {
  let browser: Browser;
  let radosgw: Radosgw;
  let ledger: TestLedger;
  beforeAll(async () => {
    [browser, radosgw, ledger] = await Promise.all([openBrowser(), startRadosgw(), openTestLedger()]);
  }, SLOW_MS);
  afterAll(async () => {
    await browser?.close();
    await ledger?.close();
    await radosgw?.close();
  });

  /** A recording that is home, with all that a viewer can be shown of it in a bucket of its own. */
  async function bringHomeToBucket(name: string, isPublic: boolean) {
    const settings = s3Settings({ ...radosgw, profile: 'ceph' });
    const requests = createRequests({ ...settings, idleTimeoutMs: 5000 });
    const { signal } = new AbortController();
    await requests.ask({ method: 'PUT', signal });
    if (isPublic) {
      const everybody = { Effect: 'Allow', Principal: '*', Action: 's3:GetObject' };
      const policy = { ...everybody, Resource: `arn:aws:s3:::${settings.bucket}/*` };
      for (const [query, body] of [
        [{ cors: '' }, CORS],
        [{ policy: '' }, JSON.stringify({ Version: '2012-10-17', Statement: [policy] })],
      ] as const) {
        const md5 = createHash('md5').update(body).digest('base64');
        await requests.ask({ method: 'PUT', query, headers: { 'content-md5': md5 }, body, signal });
      }
    }
    const url = isPublic ? `${radosgw.url}/${settings.bucket}/shown` : undefined;
    const place = createS3Output('media-out', { ...settings, prefix: 'shown/', url, idleTimeoutMs: 5000 });
    const bench = await openMediaBench(place);
    try {
      const { id: recordingId } = await ledger.recordings.accept(fileRecording(name, { title: 'Algebra' }));
      const film = await makeFilm(bench.folder, 'film.mp4', [
        ...[...picture('640x360'), ...tone(32_000, 'mono'), '-t', String(FILM_S)],
        ...[...QUICK_H264, '-g', '50', '-b:v', '200k', '-c:a', 'aac'],
      ]);
      const packaged = await bench.run(packaging, film, { segmentS: 2 }, { fence: 1, recordingId });
      await bringCaptions(bench, packaged, secondsOf(FILM_S));
      // Each is a step by itself, that knows of no earlier attempt.
      bench.kept.checkpoint = undefined;
      const poster = await bench.run(thumbnail, film, { time: '10%' }, { fence: 2, recordingId });
      bench.kept.checkpoint = undefined;
      const timeline = await bench.run(sprite, film, {}, { fence: 3, recordingId });
      await bringHome(ledger, recordingId, { package: packaged, poster, sprite: timeline });
      return { id: recordingId, place };
    } finally {
      await bench.close();
    }
  }

  it.each([
    ['from there, at its public address', true],
    ['through this server, where it has none', false],
  ])(
    '%s',
    async (name, isPublic) => {
      const { id, place } = await bringHomeToBucket(name, isPublic);
      const app = await startTestApp(ledger, '127.0.0.1', {
        outputPlaces: new Map([['media-out', place]]),
        watch: {
          mode: 'public',
          tokenSecrets: [],
          embedOrigins: [],
          linkUrl: undefined,
          mediaUrl: isPublic ? radosgw.url : undefined,
        },
      });
      const { page, context, complaints } = await openPage(browser);
      const fetched: string[] = [];
      page.on('response', (response) => {
        if (response.ok() && /\.(m3u8|m4s|mp4|vtt|jpg)$/.test(response.url())) fetched.push(response.url());
      });
      await page.goto(`${app.url}/watch/${id}`);
      const play = page.getByRole('button', { name: 'Play Algebra' });
      await play.waitFor();
      await expect.poll(() => fetched.some((url) => url.endsWith('/thumbnail.jpg'))).toBe(true);

      await play.click();
      await until(page, 'video.currentTime > 0.3 && video.videoWidth > 0');
      await page.keyboard.press('Space');
      await until(page, 'video.paused');
      await page.keyboard.press('5');
      await until(page, `Math.abs(video.currentTime - ${FILM_S / 2}) < 0.2 && video.readyState >= 2`);
      await page.keyboard.press('c');
      await until(page, `/second (9|10)$/.test(${SHOWN})`);
      await page.getByRole('slider', { name: 'Time' }).hover({ position: { x: 300, y: 8 } });
      await page.locator('.preview .picture').waitFor();
      await expect.poll(() => fetched.some((url) => url.endsWith('/sprite-001.jpg'))).toBe(true);
      await page.keyboard.press('9');
      await page.keyboard.press('Space');
      await until(page, 'video.ended');

      const from = isPublic ? `${radosgw.url}/` : `${app.url}/watch/${id}/files/open/`;
      expect(fetched.filter((url) => !url.startsWith(from))).toEqual([]);
      expect(complaints).toEqual([]);
      await context.close();
      await app.close();
    },
    SLOW_MS,
  );
});
