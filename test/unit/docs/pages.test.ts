import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorsPage } from '../../../scripts/docs/errors-page.ts';
import { PAGES } from '../../../scripts/docs/pages.ts';
import {
  adviceFor,
  canRetryHelp,
  ERROR_CATALOGUE,
  type ErrorCode,
  type Outlook,
} from '../../../src/domain/error-catalogue.ts';

const PROJECT = join(import.meta.dirname, '../../..');
const OUTLOOKS: readonly Outlook[] = ['goes-on', 'failed', 'asked'];
const CODES = Object.keys(ERROR_CATALOGUE) as ErrorCode[];

/** What only ever becomes of a recording, and is answered to nobody. */
const NEVER_ANSWERED: readonly ErrorCode[] = [
  'TRANSFER_CORRUPT',
  'DOWNLOAD_NOT_MEDIA',
  'COMPANION_INVALID',
  'WAITING_FOR_VIDEO',
  'DOWNLOAD_LENGTH_DIFFERS',
  'VIDEO_MISSING',
  'CAPTIONS_REFUSED',
  'STOP_ASKED',
  'LEASE_LOST',
  'EXECUTOR_DOWN',
  'EXECUTOR_SILENT',
  'EXECUTOR_FAILED',
];

describe('the pages that are written from the code', () => {
  it.each(PAGES.map((page) => [page.path, page] as const))('%s is what the code says', async (path, page) => {
    // If not: npx tsx scripts/write-docs.ts
    expect(readFileSync(join(PROJECT, path), 'utf8')).toBe(await page.text());
  });
});

describe('the page of errors', () => {
  it('explains every code once, with what to do about it', () => {
    const headings = [...errorsPage().matchAll(/^## (.+)$/gm)].map(([, code]) => code);

    expect(headings).toEqual(CODES);
    const page = errorsPage();
    for (const code of CODES) {
      for (const outlook of OUTLOOKS) {
        expect(page).toContain(adviceFor(code, outlook).replace(/ Then try it again\.$/, ''));
      }
    }
  });
});

describe('the catalogue of errors', () => {
  it.each(CODES)('speaks of %s in whole sentences', (code) => {
    const sentences = [ERROR_CATALOGUE[code][0], ...OUTLOOKS.map((outlook) => adviceFor(code, outlook))];
    for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*\.$/);
  });

  // Of an upload that goes on its own page is told.
  it.each(CODES.filter((code) => code !== 'UPLOAD_TOKEN_EXPIRED'))(
    'promises nothing of %s that nobody will do any more',
    (code) => {
      const promise = /tried again|sent again|asked again|goes? on|nothing to do|loses no attempt/i;

      expect(adviceFor(code, 'failed')).not.toMatch(promise);
      if (!NEVER_ANSWERED.includes(code)) expect(adviceFor(code, 'asked')).not.toMatch(promise);
    },
  );

  it('tells to try again only what that can help', () => {
    for (const code of CODES) {
      if (!canRetryHelp(code)) expect(adviceFor(code, 'failed')).not.toMatch(/try it again|retry/i);
    }
    expect(CODES.filter((code) => !canRetryHelp(code))).toEqual(
      expect.arrayContaining(['ZOOM_DELETED', 'SOURCE_CHANGED', 'FILE_EMPTY']),
    );
    expect(adviceFor('ZOOM_DELETED', 'failed')).toMatch(/^Ask its host/);
    expect(adviceFor('REMOTE_UNAVAILABLE', 'goes-on')).toContain('tried again by itself');
  });
});
