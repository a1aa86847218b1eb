import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorsPage } from '../../../scripts/docs/errors-page.ts';
import { PAGES } from '../../../scripts/docs/pages.ts';
import { adviceFor, ERROR_CATALOGUE, type ErrorCode } from '../../../src/domain/error-catalogue.ts';

const PROJECT = join(import.meta.dirname, '../../..');
const CODES = Object.keys(ERROR_CATALOGUE) as ErrorCode[];

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
    for (const code of CODES) expect(errorsPage()).toContain(adviceFor(code));
  });
});

describe('the catalogue of errors', () => {
  it.each(CODES)('speaks of %s in whole sentences', (code) => {
    for (const sentence of ERROR_CATALOGUE[code]) expect(sentence).toMatch(/^[A-Z].*\.$/);
  });
});
