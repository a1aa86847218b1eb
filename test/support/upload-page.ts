import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';

/** Limits what a page can send, so that there is a half way. */
export async function slowDown(context: BrowserContext, page: Page, bytesPerSecond: number): Promise<void> {
  const session = await context.newCDPSession(page);
  const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: bytesPerSecond };
  await session.send('Network.emulateNetworkConditions', conditions);
}

/** The sizes of the uploads that are not finished, by their ids. */
export async function unfinishedUploads(dataDir: string): Promise<Map<string, number>> {
  const folder = join(dataDir, 'uploads');
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^[0-9a-f]+$/.test(name));
  const sizes = names.map(async (name) => (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0);
  const known = await Promise.all(sizes);
  return new Map(names.map((name, index) => [name, known[index] ?? 0]));
}
