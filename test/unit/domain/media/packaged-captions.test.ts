import { expect, it } from 'vitest';
import { dashManifest, hlsPlaylists, type Track } from '../../../../src/domain/media/manifests.ts';
import {
  captionsPlaylist,
  type PackagedCaptions,
  vttFor,
  withCaptions,
} from '../../../../src/domain/media/packaged-captions.ts';
import { readMpd, readPlaylist } from '../../../support/package-reader.ts';

const segments = [
  { start: 0, duration: 4000, bytes: 9000 },
  { start: 4000, duration: 2500, bytes: 5000 },
];
const common = { wrapping: 'fmp4', folder: '', timescale: 1000, segments } as const;
const TRACKS: readonly Track[] = [
  { ...common, id: '720p', kind: 'video', codecs: 'avc1.64001f', widthPx: 1280, heightPx: 720 },
  { ...common, id: '240p', kind: 'video', codecs: 'avc1.640015', widthPx: 426, heightPx: 240 },
  { ...common, id: 'audio', kind: 'audio', codecs: 'mp4a.40.2', channels: 2, sampleRateHz: 48_000 },
];
const ENGLISH: PackagedCaptions = { name: 'captions-en-11111111', language: 'en', label: 'English' };
const TAMIL: PackagedCaptions = { name: 'captions-ta-22222222', language: 'ta', label: 'Tamil <"&">' };

const MANIFESTS = [
  ['master.m3u8', hlsPlaylists(TRACKS).at(-1)?.text ?? ''],
  ['manifest.mpd', dashManifest(TRACKS).text],
] as const;

it.each(MANIFESTS)('%s has captions of two languages, one by one, and none again', (name, plain) => {
  const one = withCaptions(name, plain, [ENGLISH]);
  const two = withCaptions(name, one, [ENGLISH, TAMIL]);

  expect(withCaptions(name, two, [ENGLISH, TAMIL])).toBe(two);
  expect(withCaptions(name, two, [ENGLISH])).toBe(one);
  expect(withCaptions(name, two, [])).toBe(plain);
});

it('a master playlist with captions is read without a warning, and each rendition has them, off at first', () => {
  const [name, plain] = MANIFESTS[0];
  const {
    complaints,
    mediaGroups,
    playlists = [],
  } = readPlaylist(withCaptions(name, plain, [ENGLISH, TAMIL]));

  expect(complaints).toEqual([]);
  expect(mediaGroups?.SUBTITLES['captions']).toMatchObject({
    English: { language: 'en', default: false, autoselect: true, uri: 'captions-en-11111111.m3u8' },
    "Tamil <'&'>": { language: 'ta', uri: 'captions-ta-22222222.m3u8' },
  });
  expect(playlists.map(({ attributes }) => attributes?.['SUBTITLES'])).toEqual(['captions', 'captions']);
  expect(mediaGroups?.AUDIO['audio']).toBeDefined();
});

it('an MPD with captions is read without a warning', () => {
  const [name, plain] = MANIFESTS[1];
  const { complaints, mediaGroups, playlists } = readMpd(withCaptions(name, plain, [ENGLISH, TAMIL]));

  expect(complaints).toEqual([]);
  expect(playlists).toHaveLength(2);
  const of = Object.values(mediaGroups.SUBTITLES['subs'] ?? {});
  expect(of).toMatchObject([
    { language: 'en', playlists: [{ resolvedUri: 'http://127.0.0.1/captions-en-11111111.vtt' }] },
    { language: 'ta', playlists: [{ resolvedUri: 'http://127.0.0.1/captions-ta-22222222.vtt' }] },
  ]);
});

it('the playlist of captions has them as one segment that lasts as long as the film', () => {
  const {
    complaints,
    segments: listed,
    endList,
  } = readPlaylist(captionsPlaylist(ENGLISH, { durationS: 6.5 }).text);

  expect(complaints).toEqual([]);
  expect(endList).toBe(true);
  expect(listed.map(({ uri, duration }) => [uri, duration])).toEqual([['captions-en-11111111.vtt', 6.5]]);
});

it.each([
  ['as it is', 'WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nHello\n', undefined],
  ['without its signature', '1\n00:00:01.000 --> 00:00:02.000\nHello', undefined],
  [
    'with commas, and the ends of lines that Windows has',
    '1\r\n00:00:01,000 --> 00:00:02,000\r\nHello\r\n',
    undefined,
  ],
])('a transcript %s becomes one that players take', (_name, transcript, startAt) => {
  expect(vttFor(transcript, startAt)).toBe('WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nHello\n');
});

it('captions of a transport stream say where it begins on its clock', () => {
  expect(vttFor('WEBVTT - Zoom\n\n00:01.000 --> 00:02.000\n1,234 --> no time', 126_000)).toMatch(
    /^WEBVTT - Zoom\nX-TIMESTAMP-MAP=MPEGTS:126000,LOCAL:00:00:00\.000\n\n00:01\.000/,
  );
});
