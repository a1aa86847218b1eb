import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archiveName } from '../../src/domain/names.ts';
import { encodeFileName } from '../../src/outside/b2/client.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { SAMPLE } from '../support/house.ts';
import { openTestLedger, type TestLedger } from '../support/ledger.ts';

/** Texts that somebody may hope to do something with: break a line, a header, a page, a path or a statement. */
const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.string({
    unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    maxLength: 60,
  }),
  fc
    .array(
      fc.constantFrom(
        ...['../', '/', '\\', '..', '\r\n', '\0', "'", '"', '<script>', '{{', '${', '%2e%2e%2f', '\u202e'],
        ...['; drop table recordings', '😀', 'ﷺ', 'e\u0301', '\u0000', '\ud800', '__proto__', '-rf', '.mp4'],
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
);

let ledger: TestLedger;
let app: TestApp;
let folder: string;

beforeAll(async () => {
  ledger = await openTestLedger();
  app = await startTestApp(ledger);
  folder = join(ledger.folder, 'files');
  await mkdir(folder);
});

afterAll(async () => {
  await app.close();
  await ledger.close();
});

describe('a name of any content', () => {
  it('is taken or refused, and is one line wherever it goes', async () => {
    await fc.assert(
      fc.asyncProperty(hostileText, hostileText, hostileText, async (title, aceId, filename) => {
        const body = {
          path: SAMPLE,
          upload_id: 'u',
          size: 1,
          ace_id: aceId,
          title,
          filename,
          filetype: title,
        };
        const manual = await app.post('/manual-upload', body);
        const custom = await app.post('/custom-upload', {
          path: SAMPLE,
          title,
          ...(aceId && { ace_id: aceId }),
        });

        expect(manual.status).toBe(400);
        expect([202, 400, 409]).toContain(custom.status);
        if (custom.status !== 202) return;
        const recording = await ledger.recordings.get(custom.body.id);
        if (recording === undefined) throw new Error('not there');
        const name = archiveName({ ...recording, extension: 'mp4' });
        expect(recording.title).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u);
        expect(encodeFileName(name)).toMatch(/^custom\/\d{4}\/\d\d\/\d\d\/[\w.~!'()*%-]+\.mp4$/);
        expect(name.split('/')).toHaveLength(5);
        const shown = await app.get(`/api/recordings/${recording.id}`);
        expect([shown.status, shown.body.title]).toEqual([200, recording.title]);
      }),
      { numRuns: 60 },
    );
  });

  it('may be the name of a file, and nothing but that file is touched', async () => {
    const nameable = hostileText
      .map((text) => text.replace(/[/\0\p{Cs}]/gu, '-'))
      .filter((name) => name !== '' && name !== '.' && name !== '..' && Buffer.byteLength(name) <= 255);
    await fc.assert(
      fc.asyncProperty(nameable, async (name) => {
        const path = join(folder, name);
        await copyFile(SAMPLE, path);

        const { status, body } = await app.post('/custom-upload', { path, title: 'Algebra' });

        expect(status).toBe(202);
        expect((await ledger.recordings.get(body.id))?.origin).toMatchObject({ path });
        expect(await readdir(folder)).toContain(name);
      }),
      { numRuns: 40 },
    );
  });
});
