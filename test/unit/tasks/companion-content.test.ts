import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Recording } from '../../../src/domain/recording.ts';
import { requireCompanion } from '../../../src/tasks/companion-content.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-companion-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function inspect(companion: string, extension: string | null, content: string | Buffer) {
  const path = join(folder, 'content');
  await writeFile(path, content);
  const details = { companion, file_extension: extension };
  return await requireCompanion({ details } as unknown as Recording, path);
}

const PAGE = '\n<!DOCTYPE html><html><head><title>Sign In - Zoom</title></head></html>';

describe('what a companion holds', () => {
  it.each([
    ['transcript', 'vtt', 'WEBVTT\r\n\r\n1\r\n', 'text/vtt'],
    ['transcript', 'vtt', '\uFEFFWEBVTT - Algebra\n', 'text/vtt'],
    ['cc', null, 'WEBVTT\n', 'text/vtt'],
    ['chat', 'txt', '00:00:05\tTutor:\t你好 <b>\n', 'text/plain'],
    ['timeline', 'json', '{"timeline":[]}', 'application/json'],
    ['summary', 'json', '[1]', 'application/json'],
    ['summary', 'unheard-of', 'some text', 'text/plain'],
    ['poll', 'csv', 'a,b\n', 'text/csv'],
    ['thumbnail', 'jpg', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 1]), 'image/jpeg'],
  ])('is known for a %s (%s)', async (companion, extension, content, mime) => {
    expect(await inspect(companion, extension, content)).toMatchObject({ mime });
  });

  it.each([
    ['a page for a transcript', 'transcript', 'vtt', PAGE, 'DOWNLOAD_NOT_MEDIA'],
    ['a page for a chat', 'chat', 'txt', PAGE, 'DOWNLOAD_NOT_MEDIA'],
    [
      'a refusal for a timeline',
      'timeline',
      'json',
      '{"code":124,"message":"Invalid access token."}',
      'DOWNLOAD_NOT_MEDIA',
    ],
    ['no WebVTT', 'transcript', 'vtt', 'WEBVTTX\n', 'COMPANION_INVALID'],
    ['half a JSON', 'timeline', 'json', '{"timeline":[', 'COMPANION_INVALID'],
    ['bytes for a chat', 'chat', 'txt', Buffer.from([0xc3, 0x28, 0xff]), 'COMPANION_INVALID'],
    ['text for a sound', 'audio', 'm4a', 'hello', 'COMPANION_INVALID'],
    ['text for a picture', 'thumbnail', 'jpg', 'hello', 'COMPANION_INVALID'],
  ])('is refused, to be tried again, where it is %s', async (_name, companion, extension, content, code) => {
    await expect(inspect(companion, extension, content)).rejects.toMatchObject({ code, retry: 'backoff' });
  });
});
