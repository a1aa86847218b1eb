import { execFile } from 'node:child_process';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemCode } from '../../src/domain/errors.ts';
import { QUICK_H264, quickH264 } from './films.ts';

const run = promisify(execFile);

const ffmpeg = (...args: readonly string[]) =>
  run('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args], { maxBuffer: 1e8 });

/** Two seconds: black and still at first, and from the first second on white with a tone. */
const CLAP_S = 1;
const LENGTH_S = 2;

const clap = (size = '160x90', rate = '25', seconds = LENGTH_S) =>
  `color=black:s=${size}:r=${rate}:d=${seconds},drawbox=enable='gte(t,${CLAP_S})':color=white:t=fill`;
const bang = (seconds = LENGTH_S) =>
  `aevalsrc='if(gte(t,${CLAP_S}),0.5*sin(440*2*PI*t),0)':s=48000:d=${seconds}`;
const lavfi = (source: string) => ['-f', 'lavfi', '-i', source];
const X264 = [...QUICK_H264, '-g', '25'];
/** Of browsers: VP8 with Opus. */
const WEBM = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-c:a', 'libopus'];
const AAC = ['-c:a', 'aac'];
const HDR = (transfer: string) => [
  ...['-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p10le', '-color_trc', transfer],
  ...['-x265-params', `transfer=${transfer}:log-level=error`],
];

/** A film that is odd, and what has to come of it. */
export interface OddFilm {
  readonly name: string;
  /** Of what ffmpeg makes it; `undefined`: `write` does. */
  readonly args?: (base: string) => readonly string[];
  readonly write?: (path: string, base: string) => Promise<void>;
  /** How it is shown, in pixels; default 160 × 90; `undefined`: it has no pictures. */
  readonly shown?: readonly [widthPx: number, heightPx: number] | undefined;
  /** When the clap is seen and heard, in seconds; `undefined`: never. */
  readonly seenS?: number | undefined;
  readonly heardS?: number | undefined;
  readonly lengthS?: number;
  /** The code of the error that each task ends in; `*`: all others. */
  readonly refused?: Readonly<Record<string, string>>;
}

const NO_PICTURES = {
  shown: undefined,
  seenS: undefined,
  refused: { thumbnail: 'STREAM_MISSING', sprite: 'STREAM_MISSING', watermark: 'STREAM_MISSING' },
};
const NO_SOUND = { heardS: undefined, refused: { waveform: 'STREAM_MISSING' } };
const NO_MEDIA = { refused: { '*': 'NOT_MEDIA' } };
const BROKEN = { refused: { '*': 'MEDIA_BROKEN' } };
/** The rest of it is missing: there is no film, but pictures of what there is. */
const CUT_OFF = {
  refused: Object.fromEntries(
    ['package', 'transcode', 'watermark', 'chunk', 'trim'].map((task) => [task, 'CUT_OFF']),
  ),
};

const half = (path: string, bytes: Buffer) =>
  writeFile(path, bytes.subarray(0, Math.round(bytes.length / 2)));

const sizes = (ending: string, more: readonly string[] = []): Pick<OddFilm, 'write'> => ({
  async write(path) {
    const [one, other] = [`${path}.1.ts`, `${path}.2.ts`];
    await ffmpeg(...lavfi(clap('320x180')), ...lavfi(bang()), ...X264, ...AAC, one);
    const second = [...lavfi('color=white:s=160x120:r=25:d=2'), ...lavfi('sine=d=2')];
    await ffmpeg(...second, ...X264, ...AAC, '-output_ts_offset', '2', other);
    const both = `${path}.ts`;
    await writeFile(both, Buffer.concat([await readFile(one), await readFile(other)]));
    if (ending === 'ts') await copyFile(both, path);
    else await ffmpeg('-i', both, '-c', 'copy', ...more, path);
  },
});

/** Kinds of films that strangers have, beside the plain ones. */
export const ODD_FILMS: Readonly<Record<string, OddFilm>> = {
  plain: { name: 'base.mp4', write: (path, base) => copyFile(base, path) },
  'on its side': {
    name: 'turned.mp4',
    args: (base) => ['-i', base, '-c', 'copy', '-metadata:s:v:0', 'rotate=90'],
    shown: [90, 160],
  },
  'upside down': {
    name: 'turned180.mp4',
    args: (base) => ['-i', base, '-c', 'copy', '-metadata:s:v:0', 'rotate=180'],
  },
  'with ten seconds in which nothing changes, as screens are recorded': {
    name: 'gap.mp4',
    args: () => [
      ...lavfi(`${clap('160x90', '25', 14)},select='lt(t,1.5)+gte(t,12)'`),
      ...[...lavfi(bang(14)), '-fps_mode', 'passthrough', ...X264, ...AAC],
    ],
    lengthS: 14,
  },
  'of which the last picture stands for ten seconds': {
    name: 'still-end.mp4',
    args: () => [...lavfi(clap()), ...lavfi(bang(12)), ...X264, ...AAC],
    lengthS: 12,
  },
  'of which the sound ends before the pictures': {
    name: 'quiet-end.mp4',
    args: () => [...lavfi(clap('160x90', '25', 9)), ...lavfi(bang(2)), ...X264, ...AAC],
    lengthS: 9,
  },
  'in HEVC': {
    name: 'hevc.mp4',
    args: (base) => [
      '-i',
      base,
      '-c:v',
      'libx265',
      '-preset',
      'ultrafast',
      '-x265-params',
      'log-level=error',
      '-c:a',
      'copy',
    ],
  },
  'in VP9': {
    name: 'vp9.webm',
    args: (base) => [
      '-i',
      base,
      '-c:v',
      'libvpx-vp9',
      '-deadline',
      'realtime',
      '-cpu-used',
      '8',
      '-c:a',
      'libopus',
    ],
  },
  'in AV1': {
    name: 'av1.mkv',
    args: (base) => ['-i', base, '-c:v', 'libsvtav1', '-preset', '12', '-c:a', 'copy'],
  },
  'of a browser that recorded it, and so without a length': {
    name: 'live.webm',
    args: (base) => ['-i', base, ...WEBM, '-live', '1'],
  },
  'in MPEG-2, of a camera': {
    name: 'mpeg2.ts',
    args: (base) => ['-i', base, '-c:v', 'mpeg2video', '-c:a', 'mp2'],
  },
  'of an old camera, that does not say when its pictures are shown': {
    name: 'mpeg4.avi',
    args: (base) => ['-i', base, '-c:v', 'mpeg4', '-c:a', 'libmp3lame'],
  },
  'with colours of 4:4:4': {
    name: '444.mp4',
    args: (base) => ['-i', base, ...quickH264('yuv444p'), '-c:a', 'copy'],
  },
  'in 10 bits': {
    name: '10bit.mp4',
    args: (base) => ['-i', base, ...quickH264('yuv420p10le'), '-c:a', 'copy'],
  },
  'with the full range of brightness': {
    name: 'full.mp4',
    args: (base) => ['-i', base, ...quickH264('yuvj420p'), '-c:a', 'copy'],
  },
  'with what shines through': {
    name: 'alpha.mov',
    args: (base) => [
      '-i',
      base,
      '-c:v',
      'prores_ks',
      '-profile:v',
      '4',
      '-pix_fmt',
      'yuva444p10le',
      '-c:a',
      'pcm_s16le',
    ],
  },
  'in HDR that does not say its colours': {
    name: 'hdr.mp4',
    args: (base) => ['-i', base, ...HDR('smpte2084'), '-c:a', 'copy'],
  },
  interlaced: {
    name: 'combs.mp4',
    args: () => [
      ...[...lavfi(clap('160x96', '50')), ...lavfi(bang()), '-vf', 'interlace', '-flags', '+ildct+ilme'],
      ...['-x264-params', 'tff=1', ...X264, ...AAC],
    ],
  },
  'with pixels that are not square': {
    name: 'anamorphic.mp4',
    args: () => [...lavfi(`${clap('120x90')},setsar=4/3`), ...lavfi(bang()), ...X264, ...AAC],
  },
  'of odd sides': {
    name: 'odd.mkv',
    args: () => [
      ...lavfi(clap('161x91').replace(',', ',format=yuv444p,')),
      ...lavfi(bang()),
      '-c:v',
      'ffv1',
      '-pix_fmt',
      'yuv444p',
      ...AAC,
    ],
    shown: [162, 92],
  },
  'that is a line': {
    name: 'narrow.mkv',
    args: () => [...lavfi(clap('2x2000')), ...lavfi(bang()), '-c:v', 'ffv1', '-pix_fmt', 'yuv420p', ...AAC],
    shown: [2, 2000],
  },
  'that gets another size on the way': { name: 'sizes.mp4', ...sizes('mp4'), shown: [320, 180], lengthS: 4 },
  'that gets another size on the way, in a stream': {
    name: 'sizes.ts',
    ...sizes('ts'),
    shown: [320, 180],
    lengthS: 4,
  },
  'of one picture each second': {
    name: 'slides.mp4',
    args: () => [...lavfi(clap('160x90', '1', 6)), ...lavfi(bang(6)), ...X264, ...AAC],
    lengthS: 6,
  },
  'of one picture': {
    name: 'one.mp4',
    args: () => [...lavfi('color=white:s=160x90:r=25:d=0.04'), ...X264],
    ...NO_SOUND,
    seenS: 0,
    lengthS: 0.04,
  },
  'of a tenth of a second': {
    name: 'tenth.mp4',
    args: () => [...lavfi('color=white:s=160x90:r=25:d=0.1'), ...lavfi('sine=d=0.1'), ...X264, ...AAC],
    seenS: 0,
    heardS: 0,
    lengthS: 0.1,
  },
  'with sound in six channels': {
    name: 'six.mp4',
    args: (base) => ['-i', base, '-c:v', 'copy', ...AAC, '-ac', '6'],
  },
  'with two languages, of which the second is the usual one': {
    name: 'languages.mkv',
    args: (base) => [
      ...['-i', base, ...lavfi('anullsrc=r=48000:cl=stereo'), '-map', '0:v', '-map', '1:a', '-map', '0:a'],
      ...['-t', '2', '-c:v', 'copy', ...AAC, '-disposition:a:0', '0', '-disposition:a:1', 'default'],
    ],
  },
  'with sound that begins late': {
    name: 'late-sound.mp4',
    args: () => [
      ...[...lavfi(clap()), '-itsoffset', '0.7'],
      ...[...lavfi(`aevalsrc='if(gte(t,0.3),0.5*sin(440*2*PI*t),0)':s=48000:d=1.3`), ...X264, ...AAC],
    ],
  },
  'with pictures that begin late': {
    name: 'late-pictures.mp4',
    args: () => [
      ...[
        ...lavfi(clap()),
        ...lavfi(bang()),
        // Behind the input: before, its clock would begin with them.
        '-vf',
        "select='gte(t,0.8)'",
        '-fps_mode',
        'passthrough',
        ...X264,
        ...AAC,
      ],
    ],
  },
  'cut out of another, with a list that says what is shown': {
    name: 'edited.mp4',
    args: (base) => ['-ss', '0.5', '-i', base, '-c', 'copy'],
    seenS: 0.5,
    heardS: 0.5,
    lengthS: 1.5,
  },
  'of which the clock begins at ten': {
    name: 'late-clock.mkv',
    args: (base) => ['-i', base, '-c', 'copy', '-output_ts_offset', '10'],
  },
  'of which the clock jumps by minutes': {
    name: 'jump.ts',
    async write(path, base) {
      const [one, other] = [`${path}.1.ts`, `${path}.2.ts`];
      await ffmpeg('-i', base, '-c', 'copy', one);
      await ffmpeg('-i', base, '-c', 'copy', '-output_ts_offset', '100', other);
      await writeFile(path, Buffer.concat([await readFile(one), await readFile(other)]));
    },
    lengthS: 4,
  },
  'with a time code': {
    name: 'timecode.mov',
    args: (base) => ['-i', base, '-c', 'copy', '-timecode', '00:00:00:00'],
  },
  'without sound': { name: 'mute.mp4', args: (base) => ['-i', base, '-an', '-c', 'copy'], ...NO_SOUND },
  'that is a song with its cover': {
    name: 'cover.mp3',
    args: () => [
      ...[...lavfi(bang()), ...lavfi('color=red:s=64x64:d=0.04'), '-map', '0:a', '-map', '1:v'],
      ...['-c:a', 'libmp3lame', '-c:v', 'mjpeg', '-disposition:v', 'attached_pic', '-id3v2_version', '3'],
    ],
    ...NO_PICTURES,
  },
  'that is sound alone': { name: 'sound.wav', args: () => lavfi(bang()), ...NO_PICTURES },
  'with the ending of another kind': {
    name: 'webm.mp4',
    args: (base) => ['-i', base, ...WEBM, '-f', 'webm'],
  },
  ...Object.fromEntries(
    [
      '-dash.mp4',
      '%d%05d%%.mp4',
      `it's "x".mp4`,
      'new\nline.mp4',
      'concat:a|b.mp4',
      '[v]:,;=\\.mp4',
      '*?.mp4',
    ].map((name): [string, OddFilm] => [
      `called ${JSON.stringify(name)}`,
      { name, write: (path, base) => copyFile(base, path) },
    ]),
  ),
  'that is an empty file': { name: 'empty.mp4', write: (path) => writeFile(path, ''), ...BROKEN },
  'that is text': {
    name: 'text.mp4',
    write: (path) => writeFile(path, 'It was a dark night.\n'),
    ...NO_MEDIA,
  },
  'that is a playlist': {
    name: 'list.mp4',
    write: (path) => writeFile(path, '#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/x.ts\n'),
    ...NO_MEDIA,
  },
  'that is a list of files': {
    name: 'concat.mp4',
    write: (path) => writeFile(path, 'ffconcat version 1.0\nfile base.mp4\n'),
    ...NO_MEDIA,
  },
  'that lacks its index': {
    name: 'no-index.mp4',
    write: async (path, base) => await half(path, await readFile(base)),
    ...BROKEN,
  },
  ...Object.fromEntries(
    (
      [
        ['mp4', ['-c', 'copy', '-movflags', '+faststart']],
        ['mkv', ['-c', 'copy']],
        ['flv', ['-c', 'copy']],
        ['webm', WEBM],
      ] as const
    ).map(([ending, how]): [string, OddFilm] => [
      `that lacks its second half, in ${ending}`,
      {
        name: `half.${ending}`,
        async write(path) {
          const whole = `${path}.whole.${ending}`;
          const film = [...lavfi('testsrc2=s=160x90:r=25:d=6'), ...lavfi('sine=d=6'), ...X264, ...AAC];
          await ffmpeg(...film, `${path}.whole.mp4`);
          if (ending !== 'mp4') await ffmpeg('-i', `${path}.whole.mp4`, ...how, whole);
          else await ffmpeg('-i', `${path}.whole.mp4`, ...how, `${path}.first.mp4`);
          await half(path, await readFile(ending === 'mp4' ? `${path}.first.mp4` : whole));
        },
        ...CUT_OFF,
      },
    ]),
  ),
};

/** What cut-off films end in, by how it is noticed. */
export const CUT_OFF_CODES: readonly string[] = ['OUTPUT_TOO_SHORT', 'OUTPUT_DIFFERS', 'MEDIA_BROKEN'];

/** Writes an odd film into a folder, and gives back its path. */
export async function writeOddFilm(folder: string, { name, args, write }: OddFilm): Promise<string> {
  const base = join(folder, 'the-base.mp4');
  await readFile(base).catch(async (error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
    await ffmpeg(...lavfi(clap()), ...lavfi(bang()), ...X264, ...AAC, base);
  });
  const path = join(folder, name);
  await write?.(path, base);
  if (args !== undefined) await ffmpeg(...args(base), path);
  return path;
}

/** What somebody sees and hears of a file. */
export interface Heard {
  /** From the first moment of pictures or sound to the last, in seconds. */
  readonly durationS: number;
  /** The time of the first moment, in seconds. */
  readonly beginsS: number;
  readonly size: readonly [widthPx: number, heightPx: number] | undefined;
  /** When it gets bright, and loud. */
  readonly seenS: number | undefined;
  readonly heardS: number | undefined;
}

/** Plays a file to its end, as it is: with the times that it says. */
export async function watch(path: string): Promise<Heard> {
  const streams = async (kind: 'v' | 'a') =>
    (
      await run('ffprobe', [
        '-v',
        'error',
        '-select_streams',
        kind,
        '-show_entries',
        'stream=width,height',
        '-of',
        'csv=p=0',
        path,
      ])
    ).stdout.trim();
  const [pictures, sound] = [await streams('v'), await streams('a')];
  const hasSound = sound !== '' || (await hasStream(path, 'a'));
  const { stderr } = await run(
    'ffmpeg',
    [
      ...['-nostdin', '-hide_banner', '-v', 'info', '-copyts', '-i', path],
      ...(pictures === ''
        ? []
        : ['-map', '0:v:0', '-vf', 'scale=8:8:out_range=pc,format=gray,showinfo', '-f', 'null', '-']),
      ...(hasSound
        ? ['-map', '0:a:0', '-af', 'ashowinfo,silencedetect=n=0.02:d=0.01', '-f', 'null', '-']
        : []),
    ],
    { maxBuffer: 1e8 },
  );
  const shown = [...stderr.matchAll(/pts_time:\s*(-?[\d.]+(?:e-?\d+)?).*?mean:\[(\d+)/g)].map(
    ([, at, bright]) => ({
      atS: Number(at),
      isBright: Number(bright) > 150,
    }),
  );
  const heard = [...stderr.matchAll(/ pts_time:(-?[\d.]+(?:e-?\d+)?) .*?nb_samples:(\d+)/g)].map(([, at]) =>
    Number(at),
  );
  const quiet = [...stderr.matchAll(/silence_(start|end): (-?[\d.]+(?:e-?\d+)?)/g)].map(([, what, at]) => ({
    what,
    atS: Number(at),
  }));
  const times = [...shown.map(({ atS }) => atS), ...heard];
  const [widthPx = 0, heightPx = 0] = pictures.split(/[,\n]/).map(Number);
  return {
    durationS: Math.max(...times) - Math.min(0, ...times),
    beginsS: Math.min(...times),
    size: pictures === '' ? undefined : [widthPx, heightPx],
    seenS: shown.find(({ isBright }) => isBright)?.atS,
    heardS: !hasSound
      ? undefined
      : quiet[0]?.what === 'start' && quiet[0].atS < (heard[0] ?? 0) + 0.1
        ? quiet.find(({ what }) => what === 'end')?.atS
        : heard[0],
  };
}

async function hasStream(path: string, kind: string): Promise<boolean> {
  const { stdout } = await run('ffprobe', [
    '-v',
    'error',
    '-select_streams',
    kind,
    '-show_entries',
    'stream=index',
    '-of',
    'csv=p=0',
    path,
  ]);
  return stdout.trim() !== '';
}
