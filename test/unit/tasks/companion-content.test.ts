import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Recording } from '../../../src/domain/recording.ts';
import { requireCompanion } from '../../../src/tasks/support/companion-content.ts';

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
    ['thumbnail', 'jpg', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a]), 'image/png'],
    ['transcript', 'vtt', '', 'text/vtt'],
    ['transcript', 'vtt', '\r\n', 'text/vtt'],
    ['transcript', 'vtt', 'WEBVTT', 'text/vtt'],
    ['transcript', 'vtt', '1\n00:00:01,000 --> 00:00:02,000\nHello\n', 'text/vtt'],
    ['transcript', 'vtt', Buffer.from('\uFEFFWEBVTT\n\n', 'utf16le'), 'text/vtt'],
    [
      'transcript',
      'vtt',
      Buffer.from('WEBVTT\n\n00:01.000 --> 00:02.000\nStra\xdfe\n', 'latin1'),
      'text/vtt',
    ],
    ['chat', 'txt', '', 'text/plain'],
    ['chat', 'txt', Buffer.from([0xc3, 0x28, 0xff]), 'text/plain'],
    ['chat', 'txt', Buffer.from('00:00:05\tTutor:\t👍').subarray(0, -2), 'text/plain'],
    ['chat', 'txt', 'a\0b', 'text/plain'],
    ['timeline', 'json', '', 'application/json'],
    ['timeline', null, '\uFEFF{"timeline":[]}\n', 'application/json'],
    ['timeline', 'json', Buffer.from('{"a":"\xff\x01"}', 'latin1'), 'application/json'],
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
    ['a comment before a page', 'chat', 'txt', '<!-- Zoom --><!doctype html>', 'DOWNLOAD_NOT_MEDIA'],
    ['a page in UTF-16', 'cc', 'vtt', Buffer.from(`\uFEFF${PAGE}`, 'utf16le'), 'DOWNLOAD_NOT_MEDIA'],
    ['an error of a CDN', 'summary', 'json', '<?xml version="1.0"?><Error/>', 'DOWNLOAD_NOT_MEDIA'],
    ['a refusal with blanks before it', 'chat', 'txt', '\n {"code":3301}', 'DOWNLOAD_NOT_MEDIA'],
    ['a video for a chat', 'chat', 'txt', Buffer.from('\0\0\0\x20ftypmp42\0\0\0\0mp42'), 'COMPANION_INVALID'],
    ['nothing for a picture', 'thumbnail', 'jpg', '', 'COMPANION_INVALID'],
    ['text for a sound', 'audio', 'm4a', 'hello', 'COMPANION_INVALID'],
    ['text for a picture', 'thumbnail', 'jpg', 'hello', 'COMPANION_INVALID'],
  ])('is refused, to be tried again, where it is %s', async (_name, companion, extension, content, code) => {
    await expect(inspect(companion, extension, content)).rejects.toMatchObject({ code, retry: 'backoff' });
  });
});
