import { describe, expect, it } from 'vitest';
import { clock, spoken } from '../../../web/shared/clock.ts';
import { pictureAt, readPictures } from '../../../web/shared/pictures.ts';
import { createMemory } from '../../../web/watch/memory.ts';
import { readOpened } from '../../../web/watch/server.ts';

describe('the place in a recording', () => {
  function browserStorage() {
    const kept = new Map<string, string>();
    return {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    };
  }

  it('is remembered for each, but not where nobody has to be taken back to it', () => {
    const storage = browserStorage();
    const memory = createMemory(() => storage);
    memory.keepPlace('a', 754.6, 3600);
    memory.keepPlace('b', 60, 3600);
    expect([memory.placeOf('a'), memory.placeOf('b')]).toEqual([754, 60]);

    memory.keepPlace('a', 3590, 3600);
    memory.keepPlace('b', 3, 3600);
    expect([memory.placeOf('a'), memory.placeOf('b')]).toEqual([undefined, undefined]);
  });

  it('is forgotten in a frame in which a browser keeps nothing, and nothing breaks', () => {
    const memory = createMemory(() => {
      throw new Error('refused');
    });
    memory.keepPlace('a', 60, 3600);
    memory.keepLiking('speed', '2');

    expect([memory.placeOf('a'), memory.liking('speed')]).toEqual([undefined, undefined]);
  });
});

it('small pictures are read with where they stand on their sheets', () => {
  const vtt = [
    'WEBVTT',
    '',
    '00:00:00.000 --> 00:00:05.000',
    'sprite-001.jpg#xywh=0,0,160,90',
    '',
    '01:00:05.000 --> 01:00:08.500',
    'sprite-002.jpg#xywh=160,90,160,90',
    '',
  ].join('\n');
  const pictures = readPictures(vtt, 'https://media.example/runs/rec_1/sprite/4/sprite.vtt');

  expect(pictureAt(pictures, 2)).toEqual({
    fromS: 0,
    toS: 5,
    sheet: 'https://media.example/runs/rec_1/sprite/4/sprite-001.jpg',
    x: 0,
    y: 0,
    width: 160,
    height: 90,
  });
  expect(pictureAt(pictures, 3606)).toMatchObject({ x: 160, y: 90, toS: 3608.5 });
  // Behind the last one there is nothing else to show.
  expect(pictureAt(pictures, 4000)).toMatchObject({ x: 160 });
  expect(pictureAt(readPictures('', 'https://media.example/a.vtt'), 2)).toBeUndefined();
});

it.each([
  [4.9, '0:04', '4 seconds'],
  [61, '1:01', '1 minute 1 second'],
  [3845, '1:04:05', '1 hour 4 minutes 5 seconds'],
  [0, '0:00', '0 seconds'],
])('%s s are shown as %s and read out as %s', (seconds, shown, said) => {
  expect([clock(seconds), spoken(seconds)]).toEqual([shown, said]);
});

it('a link names the recording, and behind the # the token, which goes to no log', () => {
  expect(readOpened({ pathname: '/watch/rec_1', hash: '#token=a.b.c' })).toEqual({
    id: 'rec_1',
    token: 'a.b.c',
  });
  expect(readOpened({ pathname: '/watch/rec_1', hash: '' })).toEqual({ id: 'rec_1', token: undefined });
});
