import { describe, expect, it } from 'vitest';
import {
  assetTypeOf,
  endingOf,
  endingOfPart,
  isWrittenAnew,
  jobStatusOf,
  type LookedInto,
  outputKeyOf,
  stemOf,
} from '../../../src/domain/asset.ts';
import { readOutputAddress } from '../../../src/domain/output-address.ts';
import type { State } from '../../../src/domain/recording.ts';

describe('the name of a file', () => {
  it.each([
    ...['mp4', 'mkv', 'avi', 'mov', 'webm', 'flv', 'wmv', 'm4v'].map((ending) => [ending, 'video']),
    ...['mp3', 'wav', 'flac', 'aac', 'ogg', 'm4a'].map((ending) => [ending, 'audio']),
  ])('that ends in %s says that it is %s (P19)', (ending, kind) => {
    expect(assetTypeOf(`a folder.x/a film.${ending.toUpperCase()}`)).toMatchObject({
      extension: ending,
      mime: expect.stringMatching(`^${kind}/`),
    });
  });

  it.each(['film', 'film.txt', 'film.mp4.part', 'mp4', 'a.mp4/film', '.mp4', 'film.', 'film.constructor'])(
    '%s says that it is no asset',
    (name) => {
      expect(assetTypeOf(name)).toBeUndefined();
    },
  );
});

describe('the name of what a job makes', () => {
  it.each([
    ['algebra.mp4', {}, 'transcoded/algebra_web.mp4'],
    ['a/b/algebra.v2.mov', {}, 'transcoded/a/b/algebra.v2_web.mp4'],
    ['a/algebra.mov', { hasNamesake: true }, 'transcoded/a/algebra.mov_web.mp4'],
    ['a/algebra.mov', { isPart: true }, 'transcoded/trimmed/a/algebra_web.mp4'],
    ['a/new\nline.mp4', {}, 'transcoded/a/new_line_web.mp4'],
    ['caf\udce9.mp4', {}, 'transcoded/caf\ufffd_web.mp4'],
  ])('of %j with %j is %s (P20)', (path, how, key) => {
    expect(outputKeyOf({ path, suffix: 'web', ending: 'mp4', ...how })).toBe(key);
  });

  it('can be kept, however long and deep the file lies', () => {
    const path = `${Array.from({ length: 40 }, (_, at) => `folder of a course ${at} äöü`).join('/')}/${'ü'.repeat(120)}.mp4`;
    const key = outputKeyOf({ path, suffix: 'web', ending: 'mp4' });

    expect(readOutputAddress(`media-out:${key}`)).toEqual({ place: 'media-out', key });
    expect(key).toMatch(/^transcoded\/rec_[0-9a-f]{24}\/ü{100}_web\.mp4$/);
  });

  it('is another one for another stem', () => {
    expect(stemOf('a/b.mp4')).toBe(stemOf('a/b.mkv'));
    expect(stemOf('a/b.mp4')).not.toBe(stemOf('b.mp4'));
  });

  it.each([
    ['transcode', {}, 'mp4'],
    ['transcode', { container: 'webm' }, 'webm'],
    ['package', { formats: ['hls', 'dash'] }, 'm3u8'],
    ['package', { formats: ['dash'] }, 'mpd'],
    ['thumbnail', {}, 'jpg'],
    ['thumbnail', { format: 'png' }, 'png'],
    ['sprite', {}, undefined],
  ])('ends by the task %s %j in %s', (task, params, ending) => {
    expect(endingOf(task, params)).toBe(ending);
  });
});

describe('a part of an asset', () => {
  const looked = (container: string, video: string | undefined, audio: string | undefined): LookedInto => {
    const stream = { widthPx: 1, heightPx: 1, framesPerS: 1, rotationDegrees: null, isCover: false };
    const streams = [
      ...(video === undefined ? [] : [{ ...stream, kind: 'video', codec: video }]),
      ...(audio === undefined ? [] : [{ ...stream, kind: 'audio', codec: audio }]),
    ];
    return { container, durationS: 1, bytes: 1, streams };
  };

  it.each([
    ['film.mkv', looked('matroska,webm', 'vp9', 'opus'), false, 'webm'],
    ['film.mkv', looked('matroska,webm', 'h264', 'aac'), false, 'mp4'],
    ['film.mkv', looked('matroska,webm', 'vp9', 'opus'), true, 'mp4'],
    ['song.mp3', looked('mp3', undefined, 'mp3'), false, 'mp3'],
    ['song.mp3', looked('mp3', undefined, 'mp3'), true, 'm4a'],
    ['film.mkv', undefined, false, 'mp4'],
    ['song.flac', undefined, false, 'm4a'],
  ])('of %s is named by what is in it (%#)', (path, found, isEncoded, ending) => {
    expect(endingOfPart(path, found, isEncoded)).toBe(ending);
  });
});

describe('a file that was registered', () => {
  it.each([
    [{ bytes: 1, mark: 'time 5' }, false],
    [{ bytes: 1, mark: 'time 6' }, true],
    [{ bytes: 2, mark: 'time 5' }, true],
    [{ bytes: 1, mark: 'etag abc' }, false],
    [{ bytes: 2, mark: 'etag abc' }, true],
  ])('and is found as %j has been written anew: %s', (found, isNew) => {
    expect(isWrittenAnew({ bytes: 1, mark: 'time 5' }, found)).toBe(isNew);
  });
});

describe('a job', () => {
  it.each<[State, 'cancelled' | null, boolean, string]>([
    ['waiting', null, false, 'PENDING'],
    ['backing-off', null, false, 'PENDING'],
    ['set-aside', null, false, 'PENDING'],
    ['moving', null, false, 'PROCESSING'],
    ['waiting', null, true, 'PROCESSING'],
    ['moving', 'cancelled', false, 'CANCELLED'],
    ['cancelling', null, false, 'CANCELLED'],
    ['cancelled', null, false, 'CANCELLED'],
    ['done', null, true, 'COMPLETED'],
    ['failed', null, true, 'FAILED'],
  ])(
    'that is %s, is wanted %s and whose output is over: %s, is %s (P14)',
    (state, wanted, isOver, status) => {
      expect(jobStatusOf({ state, wanted }, isOver)).toBe(status);
    },
  );
});
