import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { firstBytesOf, mediaTypeOf, SNIFFED_BYTES } from '../../../src/lib/media-type.ts';

const SAMPLE = join(import.meta.dirname, '../../fixtures/sample.mp4');

/** Enough of a file for its signature, and nothing that a player could play. */
function bytes(hexOrText: string, isHex = true): Buffer {
  return Buffer.concat([Buffer.from(hexOrText, isHex ? 'hex' : 'utf8'), Buffer.alloc(512)]);
}

describe('mediaTypeOf', () => {
  it.each([
    ['an mp4', readFileSync(SAMPLE).subarray(0, SNIFFED_BYTES), 'video/mp4', 'mp4'],
    // EBML header with the document type webm.
    [
      'a webm',
      bytes('1a45dfa39f4286810142f7810142f2810442f381084282847765626d4287810442858102'),
      'video/webm',
      'webm',
    ],
    ['an mp3 with tags', bytes('49443303000000000000fffb9064'), 'audio/mpeg', 'mp3'],
    ['an mp3 whose tags hold a picture', bytes('4944330300000000636b'), 'audio/mpeg', 'mp3'],
    ['an mp3 without tags', bytes('fffb9064'), 'audio/mpeg', 'mp3'],
    ['an m4a', bytes('0000001c667479704d34412000000000'), 'audio/x-m4a', 'm4a'],
    ['a quicktime film', bytes('00000014667479707174202000000000'), 'video/quicktime', 'mov'],
  ])('knows %s', async (_name, content, mime, extension) => {
    await expect(mediaTypeOf(content)).resolves.toEqual({ mime, extension });
  });

  it.each([
    ['text', bytes('WEBVTT\n\n1\n00:00', false)],
    ['a web page', bytes('<!doctype html><html><head><title>Sign In - Zoom', false)],
    ['JSON', bytes('{"code":124,"message":"Invalid access token."}', false)],
    ['a picture', bytes('89504e470d0a1a0a0000000d49484452')],
    ['an archive', bytes('504b0304140000000800')],
    ['a program', bytes('7f454c4602010100')],
    ['nothing', Buffer.alloc(0)],
    ['zeros', Buffer.alloc(SNIFFED_BYTES)],
    ['one byte', Buffer.from('x')],
  ])('does not take %s for media', async (_name, content) => {
    await expect(mediaTypeOf(content)).resolves.toBeUndefined();
  });
});

describe('firstBytesOf', () => {
  it('reads no more of a file than a signature takes', async () => {
    const first = await firstBytesOf(SAMPLE);

    expect(first).toEqual(readFileSync(SAMPLE).subarray(0, SNIFFED_BYTES));
  });
});
