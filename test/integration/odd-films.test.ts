import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as task from '../../src/tasks/package.ts';
import { makeFilm, picture, QUICK_H264, quickH264, tone } from '../support/films.ts';
import { type MediaBench, openMediaBench } from '../support/media-bench.ts';
import { joined, probe, readPlaylist } from '../support/package-reader.ts';

let films: MediaBench;
let bench: MediaBench;
beforeAll(async () => {
  films = await openMediaBench();
});
afterAll(() => films.close());
beforeEach(async () => {
  bench = await openMediaBench();
});
afterEach(() => bench.close());

const make = (name: string, args: readonly string[]) => makeFilm(films.folder, name, args);

const LONG = ['-t', '3'];
const X264 = [...QUICK_H264, ...LONG];
const x264With = (pixelFormat: string) => [...quickH264(pixelFormat), ...LONG];

/** Plays upright in every browser: what ffprobe says of the first segment of its only rendition. */
async function shown(fact: { prefix: string; tracks: readonly { id: string }[] }) {
  const paths = ['init.mp4', '00001.m4s'].map((end) =>
    join(bench.out, `${fact.prefix}${fact.tracks[0]?.id}_${end}`),
  );
  const whole = await joined(paths, join(bench.folder, 'shown.mp4'));
  const { streams } = (await probe(whole, ['-show_streams'])) as { streams: Record<string, unknown>[] };
  const [stream] = streams;
  return stream ?? {};
}

/** Everything that players want of pictures. */
const PLAIN = { codec_name: 'h264', pix_fmt: 'yuv420p' };

/** What is odd, how it is made, and the rendition of 144p that comes of it. */
const ODD: readonly (readonly [string, () => Promise<string>, Readonly<Record<string, unknown>>])[] = [
  [
    'lies on its side',
    async () => {
      const upright = await make('upright.mp4', [...picture('640x360'), ...X264]);
      return await make('turned.mp4', ['-i', upright, '-c', 'copy', '-metadata:s:v:0', 'rotate=90']);
    },
    { width: 144, height: 256 },
  ],
  [
    'has frames at uneven times',
    () =>
      make('vfr.mp4', [
        ...picture('640x360', 30),
        '-vf',
        "select='lt(n,30)+not(mod(n,7))'",
        '-fps_mode',
        'vfr',
        ...X264,
      ]),
    { width: 256, height: 144, avg_frame_rate: '25/1' },
  ],
  [
    'has an odd number of pixels',
    () => make('odd.mkv', [...picture('641x361'), '-c:v', 'ffv1', '-pix_fmt', 'yuv444p', ...LONG]),
    { width: 256, height: 144 },
  ],
  [
    'has colours of 4:4:4 in 10 bits',
    () => make('444.mp4', [...picture(), ...x264With('yuv444p10le')]),
    { profile: 'Constrained Baseline' },
  ],
  [
    'has 10 bits, and does not say what they mean',
    () => make('10bit.mp4', [...picture(), ...x264With('yuv420p10le')]),
    {},
  ],
  ['has the full range of brightness', () => make('full.mp4', [...picture(), ...x264With('yuvj420p')]), {}],
  [
    'is HDR',
    () =>
      make('hdr.mp4', [
        ...[
          ...picture('320x180', 10),
          ...LONG,
          '-pix_fmt',
          'yuv420p10le',
          '-c:v',
          'libx265',
          '-preset',
          'ultrafast',
        ],
        ...[
          '-color_primaries',
          'bt2020',
          '-color_trc',
          'smpte2084',
          '-colorspace',
          'bt2020nc',
          '-color_range',
          'tv',
        ],
        ...['-x265-params', 'colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=error'],
      ]),
    { color_transfer: 'bt709', color_space: 'bt709' },
  ],
  [
    'is interlaced',
    () =>
      make('interlaced.mp4', [
        ...picture(),
        '-vf',
        'interlace',
        '-flags',
        '+ildct+ilme',
        '-x264-params',
        'tff=1',
        ...X264,
      ]),
    { field_order: 'progressive' },
  ],
  [
    'has pixels that are not square',
    () => make('wide.mp4', [...picture('480x360'), '-vf', 'setsar=4/3', ...X264]),
    { width: 256, height: 144 },
  ],
  [
    'gets another size and shape on the way',
    async () => {
      const parts = [
        await make('first.ts', [...picture('640x360'), ...X264]),
        await make('second.ts', [...picture('320x240'), ...X264, '-output_ts_offset', '3']),
      ];
      const path = join(films.folder, 'sizes.ts');
      await writeFile(path, Buffer.concat(await Promise.all(parts.map((part) => readFile(part)))));
      return path;
    },
    { width: 256, height: 144 },
  ],
  [
    'brings chapters, a time code and subtitles',
    async () => {
      const titles = join(films.folder, 'titles.srt');
      await writeFile(titles, '1\n00:00:00,000 --> 00:00:01,000\nHello\n');
      const chapters = join(films.folder, 'chapters.txt');
      await writeFile(chapters, ';FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=2\ntitle=One\n');
      const more = ['-i', titles, '-i', chapters, '-map', '0', '-map', '1', '-map_metadata', '2'];
      return await make('much.mov', [
        ...picture(),
        ...more,
        '-c:s',
        'mov_text',
        '-timecode',
        '00:00:00:00',
        ...X264,
      ]);
    },
    {},
  ],
  [
    'is shown at 50 pictures per second',
    () => make('fast.mp4', [...picture('640x360', 50), ...X264]),
    { avg_frame_rate: '50/1' },
  ],
  [
    'is shown at 29.97 pictures per second',
    () => make('ntsc.mp4', [...picture('640x360', '30000/1001'), ...X264]),
    { avg_frame_rate: '30000/1001' },
  ],
];

describe('a film that', () => {
  it.each(ODD)('%s becomes one that every browser plays', async (_what, film, expected) => {
    const path = await film();
    const fact = await bench.run(task, path, {
      ladder: ['R_144P'],
      top: 'encode',
      effort: 'hurry',
      segmentS: 2,
    });

    const stream = await shown(fact);
    expect(stream).toMatchObject({ ...PLAIN, ...expected });
    expect(stream['color_range'] ?? 'tv').toBe('tv');
    expect(fact.durationS).toBeGreaterThan(2.8);
  });

  it('has sound in six channels gets it in two', async () => {
    const path = await make('six.mp4', [...picture(), ...tone(48_000, '5.1'), ...X264, '-c:a', 'aac']);
    const fact = await bench.run(task, path, { ladder: ['R_144P'], top: 'encode', effort: 'hurry' });

    expect(await bench.text(fact.keys.hls)).toContain('CHANNELS="2"');
    expect(fact.tracks.map(({ id }: { id: string }) => id)).toEqual(['144p', 'audio']);
  });

  it('has sound that begins late gets silence in front of it', async () => {
    const path = await make('late.mp4', [
      ...[...picture(), '-itsoffset', '0.7', ...tone()],
      ...['-map', '0', '-map', '1', ...X264, '-c:a', 'aac'],
    ]);
    const fact = await bench.run(task, path, { ladder: 'auto' });

    expect(fact.tracks.every(({ isCopied }: { isCopied: boolean }) => !isCopied)).toBe(true);
    const length = (id: string) =>
      bench
        .text(`${fact.prefix}${id}.m3u8`)
        .then((text) => readPlaylist(text).segments.reduce((sum, { duration }) => sum + duration, 0));
    expect(Math.abs((await length('audio')) - (await length(fact.tracks[0].id)))).toBeLessThan(0.2);
  });

  it('has no sound becomes a package without any', async () => {
    const path = await make('mute.mp4', [...picture(), ...X264]);
    const fact = await bench.run(task, path, { ladder: ['R_144P'], top: 'encode', effort: 'hurry' });

    expect(fact.tracks.map(({ id }: { id: string }) => id)).toEqual(['144p']);
    expect(await bench.text(fact.keys.hls)).not.toContain('AUDIO');
    expect(await bench.text(fact.keys.dash)).not.toContain('audio');
  });

  it('is smaller than every rendition that was named is shown as large as it is', async () => {
    const path = await make('tiny.mp4', [...picture('128x96'), ...X264]);
    const fact = await bench.run(task, path, { ladder: ['R_720P', 'R_360P'], effort: 'hurry' });

    expect(fact.tracks).toMatchObject([{ id: '96p', widthPx: 128, heightPx: 96 }]);
  });
});

describe('sound without pictures', () => {
  it.each([
    [
      'with a cover',
      ['-f', 'lavfi', '-i', 'color=s=64x64:d=1'],
      [
        '-map',
        '0',
        '-map',
        '1:v',
        '-frames:v',
        '1',
        '-c:v',
        'mjpeg',
        '-disposition:v',
        'attached_pic',
        '-id3v2_version',
        '3',
      ],
    ],
    ['as it is', [], []],
  ])('%s becomes a package of sound', async (_how, cover, how) => {
    const path = await make(`sound-${how.length}.mp3`, [
      ...tone(),
      ...cover,
      ...how,
      '-c:a',
      'libmp3lame',
      ...LONG,
    ]);
    const fact = await bench.run(task, path);

    expect(fact.tracks).toMatchObject([{ id: 'audio', codecs: 'mp4a.40.2' }]);
    const { playlists, complaints } = readPlaylist(await bench.text(fact.keys.hls));
    expect(complaints).toEqual([]);
    expect(playlists).toMatchObject([{ uri: 'audio.m3u8', attributes: { CODECS: 'mp4a.40.2' } }]);
  });
});

describe('what is no film', () => {
  const text = async (name: string, content: string | Buffer) => {
    const path = join(films.folder, name);
    await writeFile(path, content);
    return path;
  };

  it.each([
    [
      'text under the name of a film',
      () => text('text.mp4', 'It was a dark and stormy night.\n'),
      'NOT_MEDIA',
    ],
    [
      'a playlist under the name of a film',
      () => text('list.mp4', '#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/x.ts\n'),
      'NOT_MEDIA',
    ],
    ['an empty file', () => text('empty.mp4', ''), 'MEDIA_BROKEN'],
    ['bytes that are nothing', () => text('noise.mp4', Buffer.alloc(5000, 7)), 'MEDIA_BROKEN'],
    [
      'more pixels than anybody has',
      () => make('huge.mkv', [...picture('8200x16', 5, 'color'), '-c:v', 'ffv1', '-t', '1']),
      'MEDIA_REFUSED',
    ],
    [
      'more pictures per second than anybody sees',
      () => make('240.mp4', [...picture('64x64', 240, 'color'), ...X264]),
      'MEDIA_REFUSED',
    ],
  ])('%s is refused, and leaves nothing', async (_what, file, code) => {
    const path = await file();
    await expect(bench.run(task, path)).rejects.toMatchObject({ code, retry: 'never' });
    expect(await bench.files()).toEqual([]);
    expect(await bench.scraps()).toEqual([]);
  });
});
