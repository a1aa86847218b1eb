import { describe, expect, it } from 'vitest';
import { canCopySound, whyNotCopied } from '../../../../src/domain/media/copy-rule.ts';
import { ladderFor, type WantedLadder } from '../../../../src/domain/media/ladder.ts';
import { requireWithinLimits } from '../../../../src/domain/media/limits.ts';
import { bitRates, dashManifest, hlsPlaylists, type Track } from '../../../../src/domain/media/manifests.ts';
import {
  type AudioStream,
  readMediaFile,
  shownSize,
  type VideoStream,
} from '../../../../src/domain/media/media-file.ts';
import { evenRate, repairChain } from '../../../../src/domain/media/repair.ts';
import { file, film, RATE, sound } from '../../../support/media-facts.ts';

describe('what ffprobe says', () => {
  const says = (...streams: object[]) =>
    readMediaFile(JSON.stringify({ format: { format_name: 'mov', duration: '3.5' }, streams }));
  const base = { index: 0, codec_type: 'video', codec_name: 'h264', width: 1280, height: 720 };

  it('may lack nearly all', () => {
    expect(says(base)).toMatchObject({
      durationS: 3.5,
      video: { pixelAspect: 1, turnedDegrees: 0, averageRate: undefined },
      audio: undefined,
    });
    expect(
      says({ index: 0, codec_type: 'audio', codec_name: 'pcm_s16le', channels: 2 })?.audio?.channels,
    ).toBe(2);
    expect(readMediaFile('{}')).toBe(undefined);
    expect(readMediaFile('no JSON')).toBe(undefined);
  });

  it.each([
    ['a cover', { ...base, disposition: { attached_pic: 1 } }],
    ['a film of no size', { ...base, width: 0 }],
  ])('takes %s for no film', (_what, stream) => {
    expect(says(stream)?.video).toBe(undefined);
    expect(says(stream, { ...base, index: 1 })?.video?.index).toBe(1);
  });

  it('has a usual sound and a usual film among several', () => {
    const sound = { codec_type: 'audio', channels: 2 };
    const usual = { disposition: { default: 1 } };
    const file = says(
      base,
      { ...base, index: 1, ...usual },
      { ...sound, index: 2 },
      { ...sound, index: 3, ...usual },
    );
    expect([file?.video?.index, file?.audio?.index]).toEqual([1, 3]);
  });

  it('is no length where that is guessed from the first time and the last', () => {
    const stream = { format: { format_name: 'mpegts', duration: '102.9' }, streams: [base] };
    expect(readMediaFile(JSON.stringify(stream))?.durationS).toBe(undefined);
  });

  it.each([
    [{ side_data_list: [{ rotation: -90 }] }, 90],
    [{ side_data_list: [{ rotation: 90 }] }, 270],
    [{ tags: { rotate: '90' } }, 90],
    [{ side_data_list: [{ rotation: 180 }] }, 180],
  ])('turns by %j', (more, degrees) => {
    const video = says({ ...base, ...more })?.video;
    expect(video?.turnedDegrees).toBe(degrees);
    expect(video && shownSize(video).widthPx).toBe(degrees === 180 ? 1280 : 720);
  });

  it.each([
    ['4:3', 1280 * (4 / 3)],
    ['0:1', 1280],
    ['N/A', 1280],
  ])('shows pixels of %s in the shape that they have', (ratio, widthPx) => {
    const video = says({ ...base, sample_aspect_ratio: ratio })?.video;
    expect(video && shownSize(video).widthPx).toBeCloseTo(widthPx);
  });
});

describe('the rate of a film', () => {
  it.each([
    ['its own', [25, 1], [25, 1], [25, 1]],
    ['its own, to the digit', [30_000, 1001], [30_000, 1001], [30_000, 1001]],
    ['the one that was meant, where a short film is counted a little off', [25, 1], [2497, 100], [25, 1]],
    ['half of one that is too fast', [120, 1], [120, 1], [120, 2]],
    ['the next even one, of frames that come as they like', [90_000, 1], [2371, 100], [25, 1]],
    ['the next even one above', [600, 1], [28, 1], [30, 1]],
    ['60 at the most', [1000, 1], [90, 1], [60, 1]],
  ] as const)('is %s', (_what, nominal, average, wanted) => {
    const rate = ([over, under]: readonly [number, number]) => ({ over, under });
    expect(evenRate(film({ nominalRate: rate(nominal), averageRate: rate(average) }))).toEqual(rate(wanted));
  });

  it('is 25 where nothing is known', () => {
    expect(evenRate(film({ nominalRate: undefined, averageRate: undefined }))).toEqual(RATE);
  });
});

describe('the repair of a film', () => {
  const size = { widthPx: 640, heightPx: 360 };
  const chain = (more: Partial<VideoStream>) =>
    repairChain(film(more), size, RATE).map((filter) => filter.split('=')[0]);

  it.each([
    ['of a plain one sets rate, size and format', {}, ['fps', 'scale', 'format', 'pad', 'setsar']],
    ['removes combs first', { isInterlaced: true }, ['bwdif', 'fps', 'scale', 'format', 'pad', 'setsar']],
    [
      'maps HDR once it is smaller',
      { transfer: 'smpte2084', primaries: 'bt2020', matrix: 'bt2020nc' },
      ['fps', 'zscale', 'zscale', 'format', 'zscale', 'tonemap', 'zscale', 'format', 'setsar'],
    ],
    [
      'maps HLG as well, and takes the usual colours for it where it says none',
      { transfer: 'arib-std-b67', primaries: 'unknown' },
      ['fps', 'setparams', 'zscale', 'zscale', 'format', 'zscale', 'tonemap', 'zscale', 'format', 'setsar'],
    ],
    [
      'leaves the curve of 10 bits that say nothing of it',
      { transfer: undefined, pixelFormat: 'yuv420p10le' },
      ['fps', 'scale', 'format', 'pad', 'setsar'],
    ],
  ] as const)('%s', (_what, more, filters) => {
    expect(chain(more)).toEqual(filters);
  });

  it('leaves the times of frames alone beside a film that is copied', () => {
    expect(repairChain(film(), size, undefined).join()).not.toContain('fps');
  });
});

describe('a ladder', () => {
  const sizes = (video: VideoStream, wanted: WantedLadder, hasCopy = false) =>
    ladderFor(video, wanted, hasCopy).map(({ widthPx, heightPx }) => `${widthPx}x${heightPx}`);

  it.each([
    ['of 720p', film(), 'auto', ['1280x720', '854x480', '426x240']],
    [
      'of 1080p',
      film({ widthPx: 1920, heightPx: 1080 }),
      'auto',
      ['1920x1080', '1280x720', '854x480', '426x240'],
    ],
    [
      'of 4K, for a small machine',
      film({ widthPx: 3840, heightPx: 2160 }),
      'auto',
      ['1920x1080', '1280x720', '854x480', '426x240'],
    ],
    [
      'of a phone held upright',
      film({ widthPx: 1280, heightPx: 720, turnedDegrees: 90 }),
      'auto',
      ['720x1280', '480x854', '240x426'],
    ],
    ['of which only the largest is wanted', film(), 'top', ['1280x720']],
    ['of 4:3', film({ widthPx: 640, heightPx: 480 }), 'auto', ['640x480', '320x240']],
    [
      'with names, none larger than the film',
      film(),
      ['R_4K', 'R_1080P', 'R_720P', 'R_144P'],
      ['1280x720', '256x144'],
    ],
    ['of what is smaller than all', film({ widthPx: 128, heightPx: 97 }), ['R_720P'], ['126x96']],
    [
      'as somebody thought it out',
      film(),
      [{ widthPx: 500, heightPx: 300, videoBitsPerS: 200_000 }],
      ['500x300'],
    ],
  ] as const)('%s', (_what, video, wanted, expected) => {
    expect(sizes(video, wanted)).toEqual(expected);
  });

  it('below a film that is copied has only smaller ones, or none', () => {
    expect(sizes(film(), 'auto', true)).toEqual(['854x480', '426x240']);
    expect(sizes(film({ widthPx: 426, heightPx: 240 }), 'auto', true)).toEqual([]);
    expect(sizes(film(), 'top', true)).toEqual([]);
  });

  it.each([
    ['R_4K and R_1080P', ['R_4K', 'R_1080P'], ['1920x1080']],
    ['R_4K alone', ['R_4K'], ['1920x1080']],
    ['sizes of somebody', [{ widthPx: 3840, heightPx: 2160, videoBitsPerS: 8_000_000 }], ['1920x1080']],
    ['the largest', 'top', ['1920x1080']],
  ] as const)(
    'of 4K is no larger than this machine encodes, whatever is wanted: %s',
    (_what, wanted, made) => {
      const of = film({ widthPx: 3840, heightPx: 2160 });

      expect(
        ladderFor(of, wanted, false, 1080).map(({ widthPx, heightPx }) => `${widthPx}x${heightPx}`),
      ).toEqual(made);
      expect(ladderFor(of, ['R_4K'], false, 2160)[0]?.widthPx).toBe(3840);
    },
  );

  it('gives no rendition much more than the film has', () => {
    const [largest] = ladderFor(film({ bitsPerS: 500_000 }), 'auto', false);
    expect(largest?.maxBitsPerS).toBe(650_000);
    expect(ladderFor(film({ bitsPerS: 500_000 }), ['R_720P'], false)[0]?.maxBitsPerS).toBe(2048 * 1024);
  });
});

describe('a film is copied', () => {
  const SCAN = { largestGapS: 10, bitsPerS: 400_000, hiddenS: 0, isChanging: false };
  const why = (
    video: Partial<VideoStream>,
    audio: Partial<AudioStream> = {},
    scan = SCAN,
    container?: string,
  ) => {
    const of = film(video);
    return whyNotCopied(
      { ...file(of, sound(audio), container === undefined ? {} : { container }), video: of },
      scan,
    );
  };

  it('where every browser plays it', () => {
    expect(why({})).toBe(undefined);
  });

  it.each([
    ['another codec', () => why({ codec: 'hevc' })],
    ['10 bits', () => why({ pixelFormat: 'yuv420p10le' })],
    ['4:4:4', () => why({ pixelFormat: 'yuv444p' })],
    ['combs', () => why({ isInterlaced: true })],
    ['a level above 5.1', () => why({ level: 52 })],
    ['no level', () => why({ level: undefined })],
    ['a turn', () => why({ turnedDegrees: 180 })],
    ['pixels that are not square', () => why({ pixelAspect: 4 / 3 })],
    ['the full range', () => why({ isFullRange: true })],
    ['keyframes too far apart', () => why({}, {}, { ...SCAN, largestGapS: 10.1 })],
    ['another size further on', () => why({}, {}, { ...SCAN, isChanging: true })],
    ['too many bits', () => why({}, {}, { ...SCAN, bitsPerS: 3_200_000 })],
    ['sound that begins later', () => why({}, { startS: 0.2 })],
    ['another container', () => why({}, {}, SCAN, 'mpegts')],
  ])('not with %s', (_what, reason) => {
    expect(reason()).toEqual(expect.any(String));
  });

  it('with its sound, where that is AAC in one or two channels', () => {
    expect(canCopySound(sound())).toBe(true);
    expect(canCopySound(sound({ channels: 6 }))).toBe(false);
    expect(canCopySound(sound({ profile: 'HE-AAC' }))).toBe(false);
    expect(canCopySound(sound({ codec: 'mp3', profile: undefined }))).toBe(false);
  });
});

describe('a file is refused', () => {
  it.each([
    ['without pictures and sound', file(undefined, undefined)],
    ['of too many streams', file(film(), sound(), { streamCount: 65 })],
    ['of too many hours', file(film(), sound(), { durationS: 86_401 })],
    ['of too many pixels', file(film({ widthPx: 8193 }), sound())],
    ['of too many pictures per second', file(film({ averageRate: { over: 144, under: 1 } }), sound())],
  ])('%s', (_what, of) => {
    expect(() => requireWithinLimits(of)).toThrow(expect.objectContaining({ code: 'MEDIA_REFUSED' }));
  });

  it('not at the bounds themselves', () => {
    const video = film({ widthPx: 8192, heightPx: 8192, averageRate: { over: 120, under: 1 } });
    expect(() =>
      requireWithinLimits(file(video, undefined, { streamCount: 64, durationS: 86_400 })),
    ).not.toThrow();
  });
});

describe('manifests', () => {
  const track = (durations: readonly number[], bytes: readonly number[]): Track => {
    let start = 0;
    const segments = durations.map((duration, at) => {
      start += at === 0 ? 0 : (durations[at - 1] ?? 0);
      return { start, duration, bytes: bytes[at] ?? 0 };
    });
    return {
      id: '720p',
      kind: 'video',
      wrapping: 'fmp4',
      folder: '',
      codecs: 'avc1.64001f',
      timescale: 1000,
      segments,
      widthPx: 1280,
      heightPx: 720,
    };
  };

  it('declare the most that comes in about the time of a segment, and not that of a scrap', () => {
    const even = track([4000, 4000, 40], [500_000, 1_000_000, 50_000]);
    expect(bitRates(even)).toEqual({
      averageBitsPerS: Math.ceil(12_400_000 / 8.04),
      peakBitsPerS: 2_079_208,
    });
    expect(bitRates(track([300], [1000])).peakBitsPerS).toBeGreaterThanOrEqual(26_666);
  });

  it('say segments of one length in a row once, and where a gap is', () => {
    const { text } = dashManifest([track([4000, 4000, 4000, 1500], [1, 1, 1, 1])]);
    expect(text.match(/<S .*/g)).toEqual(['<S t="0" d="4000" r="2"/>', '<S t="12000" d="1500"/>']);
    expect(text).toContain('mediaPresentationDuration="PT13.5S"');
  });

  it('lead to segments of an earlier attempt', () => {
    const moved = { ...track([4000], [1]), folder: '../3/' };
    const [media] = hlsPlaylists([moved]);
    expect(media?.text).toContain('#EXT-X-MAP:URI="../3/720p_init.mp4"');
    expect(media?.text).toContain('\n../3/720p_00001.m4s\n');
    expect(dashManifest([moved]).text).toContain('media="../3/720p_$Number%05d$.m4s"');
  });
});

describe('how long a file is', () => {
  const said = (name: string, start: string, duration: string) =>
    readMediaFile(JSON.stringify({ format: { format_name: name, start_time: start, duration }, streams: [] }))
      ?.durationS;

  it.each([
    ['matroska,webm', '10.000000', '12.000000', 2],
    ['mov,mp4,m4a,3gp,3g2,mj2', '9.976000', '12.000000', 2.024],
    ['mov,mp4,m4a,3gp,3g2,mj2', '-0.021000', '2.000000', 2],
    ['flv', '9.977000', '2.080000', 2.08],
  ])('%s that begins at %s and says %s', (name, start, duration, durationS) => {
    expect(said(name, start, duration)).toBeCloseTo(durationS);
  });
});
