import { fromJson } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { readJob } from '../../../src/grpc/read-job.ts';
import {
  H264_AudioCodec,
  Hevc_AudioCodec,
  JobRequestSchema,
  Vp9_AudioCodec,
} from '../../../src/grpc/stubs/streaming_pb.ts';

const BUCKETS = { input: 'films', output: 'made' };

/** The parameters of the one package that is asked for, with this sound. */
function packageWith(format: 'h264' | 'hevc' | 'vp9', audioCodec: number) {
  const request = fromJson(JobRequestSchema, {
    video: { s3Input: { key: 'film.mp4' } },
    playlists: [{ uploadTo: { key: 'film.m3u8' }, options: { [format]: { audioCodec } } }],
  });
  const [output] = readJob(request, BUCKETS).outputs;
  return output?.params;
}

const numbersOf = (codecs: object) =>
  Object.values(codecs).filter((each): each is number => typeof each === 'number');

describe('the sound of a playlist', () => {
  it.each([
    ['h264', H264_AudioCodec],
    ['hevc', Hevc_AudioCodec],
    ['vp9', Vp9_AudioCodec],
  ] as const)('V6 of %s is the same, whichever codec of the five is named', (format, codecs) => {
    const numbers = numbersOf(codecs);
    const made = numbers.map((number) => packageWith(format, number));

    expect(numbers).toHaveLength(5);
    expect(made[0]).toMatchObject({ codec: format, to: 's3://made/film.m3u8' });
    expect(made.slice(1)).toEqual(Array(4).fill(made[0]));
  });

  it.each(['h264', 'hevc', 'vp9'] as const)('of %s by a codec that nobody has named is refused', (format) => {
    expect(() => packageWith(format, 5)).toThrow(
      `playlists[0].options.${format}.audio_codec: 5 is no AudioCodec that is known here`,
    );
  });
});
