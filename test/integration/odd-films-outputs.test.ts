import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type MediaWorld, openMediaWorld } from '../support/media-world.ts';
import { ODD_FILMS, type OddFilm, watch, writeOddFilm } from '../support/odd-films.ts';
import { isWhole } from '../support/whole-tables.ts';

let world: MediaWorld;

beforeAll(async () => {
  world = await openMediaWorld();
});
afterEach(() => world.empty());
afterAll(() => world.close());

/** Those that a step other than `package` has to care for by itself; all others: test/long/odd-films.test.ts. */
const ALL_CARED_FOR = [
  'with pixels that are not square',
  'that gets another size on the way',
  'in HDR that does not say its colours',
  'with two languages, of which the second is the usual one',
  'of which the clock jumps by minutes',
  'of which the last picture stands for ten seconds',
  'of odd sides',
] as const;

/** In part: one each whose pixels, colours and times are odd. */
const CARED_FOR = isWhole ? ALL_CARED_FOR : ALL_CARED_FOR.filter((what) => /not square|HDR|clock/.test(what));

const filmOf = (what: string): OddFilm => {
  const film = ODD_FILMS[what];
  if (film === undefined) throw new Error(`there is no film ${what}`);
  return film;
};

describe('a film', () => {
  it.each(CARED_FOR)(
    '%s is transcoded into one that plays everywhere, with its sound at the right time',
    async (what) => {
      const film = filmOf(what);
      const path = await writeOddFilm(world.sources, film);
      const { fact } = await world.run('transcode', path, { quality: 'small' });

      const seen = await watch(world.at(fact.outputs[0]?.key ?? ''));
      expect(seen.size).toEqual(film.shown ?? [160, 90]);
      expect(seen.seenS).toBeCloseTo(1, 0);
      expect(Math.abs((seen.heardS ?? 0) - (seen.seenS ?? 0))).toBeLessThan(0.1);
      expect(Math.abs(seen.durationS - (film.lengthS ?? 2))).toBeLessThan(0.5);
      const { video } = await world.look(fact.outputs[0]?.key ?? '');
      expect(video).toMatchObject({ codec: 'h264', pixelFormat: 'yuv420p', pixelAspect: 1 });
    },
  );

  it('called with what means something to ffmpeg is only a name', async () => {
    const path = await writeOddFilm(world.sources, filmOf('called "%d%05d%%.mp4"'));
    const { fact } = await world.run('trim', path, { end: 1 });
    expect(fact.outputs).toHaveLength(1);
  });

  it.each(isWhole ? ['flv', 'webm'] : ['flv'])(
    'that lacks its second half, in %s, is still shown by the last picture that there is',
    async (ending) => {
      const path = await writeOddFilm(world.sources, filmOf(`that lacks its second half, in ${ending}`));
      const { fact } = await world.run('thumbnail', path, { time: '90%' });
      expect(fact).toMatchObject({ widthPx: 160, heightPx: 90 });
      expect(fact.outputs).toHaveLength(1);
    },
  );

  it('that is a line gets small pictures between bars, and none that is larger than pictures can be', async () => {
    const path = await writeOddFilm(world.sources, filmOf('that is a line'));
    expect((await world.run('sprite', path, { width: 16 })).fact).toMatchObject({
      widthPx: 16,
      heightPx: 64,
    });
    await expect(world.run('thumbnail', path, { width: 1280 })).rejects.toMatchObject({
      code: 'PARAMS_UNFIT',
    });
    expect(await world.scratch()).toEqual([]);
  });
});
