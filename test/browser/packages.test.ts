import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as task from '../../src/tasks/package.ts';
import { openBrowser, openPage } from '../support/browser.ts';
import { bringCaptions, secondsOf } from '../support/captioned.ts';
import { makeFilm, picture, QUICK_H264, tone } from '../support/films.ts';
import { type MediaBench, openMediaBench } from '../support/media-bench.ts';
import { isWhole } from '../support/whole-tables.ts';

const require = createRequire(import.meta.url);

const TYPES: Readonly<Record<string, string>> = {
  '.m3u8': 'application/vnd.apple.mpegurl',
  '.mpd': 'application/dash+xml',
  '.m4s': 'video/iso.segment',
  '.ts': 'video/mp2t',
  '.mp4': 'video/mp4',
  '.vtt': 'text/vtt',
  '.js': 'text/javascript',
};

const PAGE = (player: string) =>
  `<!doctype html><meta charset="utf-8"><title>player</title><video muted width="640"></video><script src="/lib/${player}.js"></script>`;

/** What a page does with each player: begin, choose a rendition by its height, show captions, and say what went wrong. */
const PLAYERS = {
  hls: {
    library: require.resolve('hls.js'),
    begin: `(url) => {
      const hls = new Hls({ startLevel: 0 });
      // It stops what it was fetching when another rendition is chosen, and waits on a busy machine. In a transport stream, which
      // has no edit list, the coder's first frame of sound, a fiftieth of a second, comes before the pictures: it begins with them.
      const isUsual = (details) =>
        details === 'bufferStalledError' || details === 'aborted' ||
        (details === 'bufferSeekOverHole' && video.buffered.start(0) < 0.03);
      hls.on(Hls.Events.ERROR, (_, { details }) => isUsual(details) || window.errors.push(details));
      hls.loadSource(url);
      hls.attachMedia(video);
      window.choose = (height) => {
        hls.nextLevel = hls.levels.findIndex((level) => level.height === height);
      };
      window.caption = () => { hls.subtitleTrack = 0; };
    }`,
  },
  shaka: {
    library: require.resolve('shaka-player/dist/shaka-player.compiled.js'),
    begin: `async (url) => {
      shaka.polyfill.installAll();
      const player = new shaka.Player();
      player.addEventListener('error', ({ detail }) => window.errors.push('shaka ' + detail.code));
      await player.attach(video);
      await player.load(url);
      player.configure({ abr: { enabled: false } });
      window.choose = (height) => {
        player.selectVariantTrack(player.getVariantTracks().find((track) => track.height === height), true);
      };
      window.caption = () => player.selectTextTrack(player.getTextTracks()[0]);
    }`,
  },
  dash: {
    library: require.resolve('dashjs'),
    begin: `(url) => {
      const player = dashjs.MediaPlayer().create();
      player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } }, buffer: { fastSwitchEnabled: true } } });
      player.on(dashjs.MediaPlayer.events.ERROR, ({ error }) => window.errors.push('dash ' + (error.message ?? error)));
      player.initialize(video, url, false);
      window.choose = (height) => {
        const all = player.getRepresentationsByType('video');
        player.setRepresentationForTypeById('video', all.find((each) => each.height === height).id, true);
      };
      // It shows captions by itself.
      window.caption = () => {};
    }`,
  },
} as const;

let bench: MediaBench;
let server: Server;
let origin: string;
let browser: Browser;
type Packaged = { prefix: string; durationS: number; keys: { hls: string; dash: string } };
const facts: Record<string, Packaged> = {};

/** How long the film is, in seconds. */
const FILM_S = 13;

beforeAll(async () => {
  bench = await openMediaBench();
  const film = await makeFilm(bench.folder, 'film.mp4', [
    ...[...picture('640x360'), ...tone(32_000, 'mono'), '-t', String(FILM_S)],
    ...[...QUICK_H264, '-g', '50', '-b:v', '300k', '-c:a', 'aac'],
  ]);
  const quick = { ladder: ['R_360P', 'R_240P'], effort: 'hurry' };
  const withParams = { copied: {}, encoded: quick, streams: { ...quick, segments: 'ts' } };
  for (const [at, [how, params]] of Object.entries(withParams).entries()) {
    bench.kept.checkpoint = undefined;
    facts[how] = await bench.run(task, film, params, {
      fence: at + 1,
      recordingId: `rec_${String(at).repeat(24)}`,
    });
    await bringCaptions(bench, facts[how] as Packaged, secondsOf(FILM_S));
  }
  server = createServer((request, response) => {
    void serve(request.url ?? '/').then(
      ({ body, type }) => {
        response.setHeader('content-type', type);
        if (typeof body === 'string') response.end(body);
        else body.pipe(response);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await openBrowser();
}, 240_000);
afterAll(async () => {
  await browser?.close();
  server?.close();
  server?.closeAllConnections();
  await bench?.close();
});

async function serve(url: string) {
  const path = decodeURIComponent(new URL(url, 'http://127.0.0.1').pathname);
  const [, name] = /^\/play\/(\w+)$/.exec(path) ?? [];
  if (name !== undefined) return { body: PAGE(name), type: 'text/html' };
  const [, player] = /^\/lib\/(\w+)\.js$/.exec(path) ?? [];
  const file =
    player === undefined ? join(bench.out, normalize(path)) : PLAYERS[player as keyof typeof PLAYERS].library;
  await stat(file);
  return { body: createReadStream(file), type: TYPES[extname(file)] ?? 'application/octet-stream' };
}

/** The captions that are shown just now. */
const SHOWN = `[...video.textTracks].filter(({ mode }) => mode === 'showing')
  .flatMap(({ activeCues }) => [...(activeCues ?? [])].map(({ text }) => text))`;

describe.each([
  ['hls', 'hls'],
  ['shaka', 'hls'],
  ['shaka', 'dash'],
  ['dash', 'dash'],
] as const)('%s plays a package by %s', (player, kind) => {
  // How the film of a package is for all players, and what else each is tried with; of transport streams there is HLS alone.
  const rest = kind === 'hls' ? ['encoded', 'streams'] : ['encoded'];
  it.each(['copied', ...(isWhole ? rest : player === 'hls' ? ['streams'] : [])])(
    'with its film %s: first picture, another rendition, captions, a seek, and the end',
    async (how) => {
      const { page, context, complaints } = await openPage(browser);
      await page.goto(`${origin}/play/${player}`);
      await page.evaluate(`window.errors = []; window.video = document.querySelector('video')`);
      const url = `${origin}/${facts[how]?.keys[kind]}`;
      await page.evaluate(`(${PLAYERS[player].begin})(${JSON.stringify(url)})`);
      const until = (condition: string) => page.waitForFunction(condition, undefined, { timeout: 30_000 });
      // Whoever asks it to play before the player has given it its source is told that a new load interrupted him.
      await until(`window.errors.length > 0 || video.readyState >= HTMLMediaElement.HAVE_METADATA`);
      await page.evaluate(`video.play()`);
      await until(`window.errors.length > 0 || (video.currentTime > 0.3 && video.videoHeight > 0)`);

      for (const height of [240, 360]) {
        await page.evaluate(`window.choose(${height})`);
        await until(`window.errors.length > 0 || video.videoHeight === ${height} || video.ended`);
        expect(await page.evaluate(`[window.errors, video.videoHeight]`)).toEqual([[], height]);
      }
      // Nobody sees captions who has not asked for them.
      if (player !== 'dash') expect(await page.evaluate(SHOWN)).toEqual([]);
      await page.evaluate(`window.caption()`);
      await page.evaluate(`video.currentTime = 11`);
      await until(`window.errors.length > 0 || (!video.seeking && video.currentTime > 11.2)`);
      // A film begins within a picture of 0, and so do its captions.
      await until(`window.errors.length > 0 || /^second 1[12]$/.test(String(${SHOWN}[0]))`);
      await until(`window.errors.length > 0 || video.ended`);

      expect(await page.evaluate(`window.errors`)).toEqual([]);
      expect(await page.evaluate(`video.duration`)).toBeCloseTo(FILM_S, 0);
      expect(complaints).toEqual([]);
      await context.close();
    },
  );
});
