import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { source as axe } from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { launchChromium } from './chromium.ts';

/** Where pictures of the pages are put; nowhere unless it is named. */
const SCREENS = process.env['SCREENS'];

const SIZES = { phone: { width: 360, height: 780 }, desktop: { width: 1280, height: 860 } } as const;
const SCHEMES = ['light', 'dark'] as const;

/** The system's Chromium, as `scripts/setup.mjs --test` installs it. */
export async function openBrowser(): Promise<Browser> {
  const browser = await launchChromium();
  if (browser === undefined) throw new Error('no Chromium: run node scripts/setup.mjs --test');
  return browser;
}

/** A page that notes what must not happen: errors of its scripts, what its policy forbids, requests that leave. */
export async function openPage(
  browser: Browser,
  options: Parameters<Browser['newContext']>[0] = {},
): Promise<{ page: Page; context: BrowserContext; complaints: string[] }> {
  const context = await browser.newContext({ viewport: SIZES.desktop, locale: 'en-GB', ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.setDefaultTimeout(15_000);
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) complaints.push(message.text());
  });
  page.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== '127.0.0.1') complaints.push(`asks ${request.url()}`);
  });
  return { page, context, complaints };
}

/** Looks with axe for what keeps people out, on a phone in light and on a desk in dark; pictures are of all four. */
export async function expectAccessible(page: Page, name: string): Promise<void> {
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of SCHEMES) {
      // The four are looked at for a picture; of the same colours and the same layout one each is enough.
      if (SCREENS === undefined && (size === 'phone') !== (colorScheme === 'light')) continue;
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      if (SCREENS !== undefined) {
        await mkdir(SCREENS, { recursive: true });
        await page.screenshot({ path: join(SCREENS, `${name}-${size}-${colorScheme}.png`), fullPage: true });
      }
      const violations = await page.evaluate(`(async () => {
        if (!window.axe) { const module = undefined; ${axe}; }
        const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
        return violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(({ id, nodes }) => id + ': ' + nodes.map(({ target, failureSummary }) => target + ' ' + failureSummary).join('; '));
      })()`);
      expect(violations, `${name}, ${size}, ${colorScheme}`).toEqual([]);
      const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(overflow, `${name} is wider than the ${size}`).toBeLessThanOrEqual(0);
    }
  }
  await page.setViewportSize(SIZES.desktop);
}
