import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { z } from 'zod';
import { launchChromium } from '../../test/support/chromium.ts';
import { pause } from './waiting.ts';

const run = promisify(execFile);

/** How long a film may take to begin, or to be read, in milliseconds. */
const PATIENCE_MS = 30_000;

/** The frame behind the last one is missing in what ffmpeg says of a film's length, in seconds. */
const LENGTH_SLACK_S = 0.1;

/** How often it is looked whether a film has begun, in milliseconds. */
const LOOK_EVERY_MS = 100;

const HAS_BEGUN = 'document.querySelector("video").currentTime > 0.2';

const playerShape = z.object({ state: z.string(), hls: z.string().nullable() });

/** What has become of a package in players. */
export interface Played {
  /** By what it was played. */
  readonly by: string;
  /** Empty when it plays. */
  readonly problems: readonly string[];
}

/**
 * Plays a package as viewers do: by ffmpeg, which fetches and decodes all of it, and, where there is a Chromium, on the page
 * that is made for them.
 *
 * @param durationS How long it has to be.
 */
export async function play(input: {
  readonly pipelineUrl: string;
  readonly recordingId: string;
  readonly durationS: number;
  readonly signal: AbortSignal;
}): Promise<Played> {
  const { pipelineUrl, recordingId, durationS, signal } = input;
  const response = await fetch(`${pipelineUrl}/watch/${recordingId}/player`, { signal });
  const player = playerShape.safeParse(await response.json());
  if (!player.success || player.data.hls === null) {
    return {
      by: 'nothing',
      problems: [`the page for viewers was told nothing to play (${response.status})`],
    };
  }
  const problems = await decode(new URL(player.data.hls, pipelineUrl).href, durationS, signal);
  const browser = await launchChromium();
  if (browser === undefined) return { by: 'ffmpeg', problems };
  const shown = await watch(browser, `${pipelineUrl}/watch/${recordingId}`, signal);
  return { by: 'ffmpeg and Chromium', problems: [...problems, ...shown] };
}

async function decode(url: string, durationS: number, signal: AbortSignal): Promise<string[]> {
  const args = ['-nostdin', '-v', 'error', '-xerror', '-progress', 'pipe:1', '-i', url, '-f', 'null', '-'];
  try {
    const { stdout } = await run('ffmpeg', args, { signal, timeout: PATIENCE_MS });
    const decodedS =
      Number(/^out_time_us=(\d+)$/m.exec(stdout.slice(stdout.lastIndexOf('out_time_us')))?.[1]) / 1e6;
    const isWhole = Math.abs(decodedS - durationS) < LENGTH_SLACK_S;
    return isWhole ? [] : [`ffmpeg decoded ${decodedS} s of it, not ${durationS} s`];
  } catch (error) {
    signal.throwIfAborted();
    return [`ffmpeg cannot play it: ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function watch(browser: Browser, url: string, signal: AbortSignal): Promise<string[]> {
  try {
    const page = await browser.newPage();
    await page.goto(url, { timeout: PATIENCE_MS });
    await page.getByRole('button', { name: /^Play/ }).first().click({ timeout: PATIENCE_MS });
    const endMs = performance.now() + PATIENCE_MS;
    while (!(await page.evaluate<boolean>(HAS_BEGUN))) {
      if (performance.now() > endMs) return ['Chromium shows the page, and the film does not begin'];
      await pause(LOOK_EVERY_MS, signal);
    }
    return [];
  } catch (error) {
    signal.throwIfAborted();
    return [`Chromium does not show it: ${error instanceof Error ? error.message : String(error)}`];
  } finally {
    await browser.close();
  }
}
