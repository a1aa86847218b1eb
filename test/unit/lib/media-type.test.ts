import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { firstBytesOf, lookAt, lookAtFile, mediaTypeOf, SNIFFED_BYTES } from '../../../src/lib/media-type.ts';

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

/** Packets of a transport stream, of which the first may be cut. */
function packets(bytes: number, cut = 0): Buffer {
  const before = bytes === 192 ? 4 : 0;
  const packet = Buffer.alloc(bytes, 0xee);
  Buffer.from([0x47, 0x01, 0x00, 0x10]).copy(packet, before);
  return Buffer.concat(Array.from({ length: 25 }, () => packet)).subarray(cut);
}

/** Frames of a sound, each as long as its header says. */
function frames(header: string, length: number): Buffer {
  const frame = Buffer.alloc(length, 0x55);
  Buffer.from(header, 'hex').copy(frame);
  return Buffer.concat(Array.from({ length: 6 }, () => frame));
}

const MP3_FRAMES = frames('fffb9064', 417);
const ADTS_FRAMES = frames('fff150800c9ffc', 100);
const ASF = Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex');
const EBML = Buffer.from('1a45dfa3', 'hex');
const box = (type: string, length: number, content = Buffer.alloc(0)) => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, content, Buffer.alloc(length - 8 - content.length, 1)]);
};

describe('lookAt', () => {
  it.each([
    ['WAV above 4 GiB', bytes('RF64....WAVEds64', false).fill(0xff, 4, 8), 'audio/wav'],
    ['a broadcast wave of that length', bytes('BW64....WAVEds64', false), 'audio/wav'],
    ["Sony's wave of 64 bits", bytes('726966662e91cf11a5d628db04c10000'), 'audio/x-w64'],
    ["Apple's CAF", bytes('6361666600010000'), 'audio/x-caf'],
    ['AIFF-C', bytes('FORM\0\0\0\0AIFC', false), 'audio/aiff'],
    ['WMV whose streams are far behind', Buffer.concat([ASF, Buffer.alloc(4000, 1)]), 'video/x-ms-asf'],
    ['AMR', bytes('#!AMR-WB\n', false), 'audio/amr'],
    ['MXF', bytes('060e2b34020501010d0102010102'), 'application/mxf'],
    [
      'MXF behind a run-in',
      Buffer.concat([Buffer.alloc(900), bytes('060e2b34020501010d0102010102')]),
      'application/mxf',
    ],
    ['a transport stream', packets(188), 'video/mp2t'],
    ['one of a camera', packets(192), 'video/mp2t'],
    ['one with checksums', packets(204), 'video/mp2t'],
    ['one that begins in the middle of a packet', packets(188, 77), 'video/mp2t'],
    ['a programme stream', bytes('000001ba4400040004'), 'video/mpeg'],
    ['MPEG video alone', bytes('000001b3'), 'video/mpeg'],
    ['H.264 alone', bytes('0000000167640000000168ee'), 'video/h264'],
    ['H.265 alone', bytes('00000001400100000001420100000001440100'), 'video/h265'],
    [
      'Matroska with padding in its header',
      Buffer.concat([
        EBML,
        Buffer.from('01000000000003e8ec43c0', 'hex'),
        Buffer.alloc(960),
        bytes('4282886d6174726f736b61'),
      ]),
      'video/matroska',
    ],
    [
      'Matroska behind padding',
      Buffer.concat([Buffer.from('ec82ffff', 'hex'), EBML, bytes('a34282886d6174726f736b61')]),
      'video/matroska',
    ],
    ['DV', bytes('1f0700bf'), 'video/x-dv'],
    ['FLV', bytes('464c5601050000000900'), 'video/x-flv'],
    [
      'Ogg with a skeleton, of Theora',
      bytes(`OggS${'\0'.repeat(24)}fishead${'\0'.repeat(60)}OggS${'\0'.repeat(24)}`, false).fill(
        '\x80theora',
        200,
        207,
        'latin1',
      ),
      'video/ogg',
    ],
    ['a film without a brand', box('moov', 200), 'video/quicktime'],
    ['a film whose bytes come first', box('mdat', 200), 'video/quicktime'],
    ['a segment of a film', box('styp', 24, Buffer.from('msdh')), 'video/mp4'],
    ['a fragment of a film', box('moof', 200), 'video/mp4'],
    [
      'a film behind room of its own',
      Buffer.concat([box('uuid', 400), box('ftyp', 24, Buffer.from('isom'))]),
      'video/mp4',
    ],
    ['MP3 behind zeros', Buffer.concat([Buffer.alloc(1500), MP3_FRAMES]), 'audio/mpeg'],
    ['MP3 from the middle of a frame', MP3_FRAMES.subarray(100), 'audio/mpeg'],
    ['AAC without a container', ADTS_FRAMES, 'audio/aac'],
    ['Y4M', bytes('YUV4MPEG2 W64 H48\n', false), 'video/x-yuv4mpeg'],
  ])('knows %s', async (_name, content, mime) => {
    expect(await lookAt(content)).toMatchObject({ kind: 'media', media: { mime } });
  });

  it.each([
    ['a page that begins like a packet', Buffer.from('G'.repeat(SNIFFED_BYTES))],
    ['text in Latin-1', Buffer.from('Straße über Nacht\n'.repeat(20), 'latin1')],
    ['text in UTF-16', Buffer.from('\ufeffHello, world', 'utf16le')],
    ['text that is cut in a character', Buffer.from('自'.repeat(100)).subarray(0, 200)],
    ['JSON behind a mark', Buffer.from('\ufeff{"a": 1}')],
    ['a playlist', Buffer.from('#EXTM3U\n#EXT-X-VERSION:3\n')],
    ['a picture of a phone', box('ftyp', 24, Buffer.from('heic'))],
    ['a program of Windows', bytes('4d5a90000300')],
  ])('is sure that %s is something else', async (_name, content) => {
    expect((await lookAt(content)).kind).toBe('other');
  });

  it.each([
    ['zeros', Buffer.alloc(SNIFFED_BYTES)],
    ['noise', Buffer.from('ab01'.repeat(1000), 'hex')],
    ['Matroska whose type is far behind', Buffer.concat([EBML, Buffer.alloc(4000, 1)])],
    ['a film behind more room than is looked at', box('free', SNIFFED_BYTES).fill('uuid', 4, 8, 'latin1')],
  ])('is not sure of %s', async (_name, content) => {
    expect(await lookAt(content)).toEqual({ kind: 'unsure' });
  });
});

describe('lookAtFile', () => {
  const tag = (length: number) =>
    Buffer.concat([
      Buffer.from('ID3\x03\0\0', 'latin1'),
      Buffer.from([(length >> 21) & 127, (length >> 14) & 127, (length >> 7) & 127, length & 127]),
      Buffer.alloc(length, 0x99),
    ]);

  it.each([
    ['MP3 behind a large picture', Buffer.concat([tag(900_000), MP3_FRAMES]), 'audio/mpeg'],
    ['FLAC behind a tag', Buffer.concat([tag(50_000), bytes('fLaC\0\0\0\x22', false)]), 'audio/flac'],
    ['AAC behind a large picture', Buffer.concat([tag(2_000_000), ADTS_FRAMES]), 'audio/aac'],
    [
      'a film behind megabytes of room',
      Buffer.concat([box('skip', 3_000_000), box('ftyp', 24, Buffer.from('isom'))]),
      'video/mp4',
    ],
    [
      'MXF behind a long run-in',
      Buffer.concat([Buffer.alloc(20_000), bytes('060e2b34020501010d0102010102')]),
      'application/mxf',
    ],
    ['MP3 behind many zeros', Buffer.concat([Buffer.alloc(30_000), MP3_FRAMES]), 'audio/mpeg'],
  ])('knows %s', async (_name, content, mime) => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-look-'));
    const path = join(folder, 'file');
    writeFileSync(path, content);
    const handle = await open(path);
    try {
      expect(await lookAtFile(handle)).toMatchObject({ kind: 'media', media: { mime } });
    } finally {
      await handle.close();
      rmSync(folder, { recursive: true });
    }
  });
});
