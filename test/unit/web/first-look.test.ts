import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lookAt } from '../../../src/lib/media-type.ts';
import { lookAtHead } from '../../../web/upload/first-look.ts';

const latin = (text: string, more = 600) =>
  Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(more, 0x01)]);
const hex = (text: string) => Buffer.concat([Buffer.from(text, 'hex'), Buffer.alloc(600, 0x01)]);

/** What files begin with that are audio or video, those that look like text among them. */
const MEDIA_BEGINNINGS = [
  ...['RIFF....WAVE', 'RF64....WAVE', 'RIFX....WAVE', 'RIFF....AVI ', 'caff', 'FORM....AIFF', 'FORM....8SVX'],
  ...['#!AMR', '.snd', 'fLaC', 'wvpk', 'TTA1', 'tBaK', 'MAC ', 'MPCK', 'FRM8....xxxxDSD ', 'FLV\x01', '.RMF'],
  ...['DKIF', 'YUV4MPEG2 ', 'nut/multimedia container\0', 'Creative Voice File\x1a', 'OggS', 'ID3\x03'],
  ...[
    '\x1a\x45\xdf\xa3',
    '\0\0\0\x18ftypisom',
    '\0\0\0\x18ftypqt  ',
    '\0\0\x01\xba',
    '\xff\xfb\x90\x64',
    '\xff\xf1\x50',
  ],
];
const OTHER_BEGINNINGS = [
  '%PDF-1.7',
  '{\\rtf1',
  'GIF89a',
  '\x89PNG\r\n\x1a\n',
  '\xff\xd8\xff\xe0',
  'PK\x03\x04',
  'MZ',
];

describe('the first look at a file, before anything is sent', () => {
  it.each([
    ['a PDF', latin('%PDF-1.7\n')],
    ['a picture', hex('89504e470d0a1a0a0000000d49484452')],
    ['a photo', hex('ffd8ffe000104a46494600')],
    ['a photo of a phone', latin('\0\0\0\x18ftypheic\0\0\0\0mif1heic')],
    ['a presentation', hex('504b030414000600080000002100')],
    ['a document of old', hex('d0cf11e0a1b11ae1')],
    ['a program', latin('MZ\x90\0\x03')],
    ['subtitles', Buffer.from('WEBVTT\n\n1\n00:00 --> 00:05\nගණිතය ආරම්භය')],
    ['a web page', Buffer.from('<!doctype html><html lang="de"><title>Größe</title>'.repeat(200))],
  ])('says at once that %s is neither, as the server would', async (_name, bytes) => {
    expect(lookAtHead(bytes)).toBe('other');
    expect((await lookAt(bytes.subarray(0, 4100))).kind).not.toBe('media');
  });

  it.each([
    ['a film', readFileSync(join(import.meta.dirname, '../../fixtures/sample.mp4'))],
    ['a webm', latin('\x1a\x45\xdf\xa3')],
    ['sound with tags', latin('ID3\x03')],
    ['sound without', latin('\xff\xfb\x90\x64')],
  ])('knows %s', (_name, bytes) => {
    expect(lookAtHead(bytes)).toBe('media');
  });

  it.each([
    ['noise', latin('\x07\x99')],
    ['an archive that only holds files together', hex('504b0304140000000000')],
    ['nothing but zeros', Buffer.alloc(5000)],
  ])('leaves %s to the server', (_name, bytes) => {
    expect(lookAtHead(bytes)).toBe('unknown');
  });

  it('refuses nothing that the server takes', async () => {
    const beginning = fc.constantFrom('', ...MEDIA_BEGINNINGS, ...OTHER_BEGINNINGS);
    const tail = fc.oneof(
      fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes)),
      fc.string({ maxLength: 5000 }).map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(beginning, tail, async (first, rest) => {
        const bytes = Buffer.concat([Buffer.from(first, 'latin1'), rest]);
        if (lookAtHead(bytes) !== 'other') return;
        expect((await lookAt(bytes.subarray(0, 4100))).kind).not.toBe('media');
      }),
      { numRuns: 400 },
    );
  });
});
