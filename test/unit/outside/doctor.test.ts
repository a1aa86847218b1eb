import { existsSync, readdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { settings } from '../../../src/config/settings.ts';
import type { Checkup } from '../../../src/outside/checkup.ts';
import { CHECKUPS } from '../../../src/outside/doctor.ts';
import { MEDIA_IN_CHECKUP } from '../../../src/outside/media-in.ts';
import { MEDIA_OUT_CHECKUP } from '../../../src/outside/media-out.ts';
import { SERVICES } from '../../../src/outside/words.ts';

const services = (checkups: readonly { service: string }[]) => checkups.map(({ service }) => service).sort();

describe('what the doctor looks at outside', () => {
  it('is every service that there are words for, each by a name of its own', () => {
    expect(services(CHECKUPS)).toEqual(services(SERVICES.all));
    expect(new Set(CHECKUPS.map(({ name }) => name)).size).toBe(CHECKUPS.length);
  });

  it('is listed as every wing gives it, and once for the place of outputs, whichever wing has it', async () => {
    const files = readdirSync('src/outside', { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `src/outside/${name}/doctor.ts`)
      .filter((path) => existsSync(path));
    const given = await Promise.all(
      files.map(async (path) => Object.values(await import(pathToFileURL(path).href))),
    );

    expect(files.length).toBeGreaterThan(4);
    expect(services(CHECKUPS)).toEqual(
      services([...given.flat(), MEDIA_IN_CHECKUP, MEDIA_OUT_CHECKUP] as Checkup<never>[]),
    );
  });

  it.each(CHECKUPS)('names for $name only settings that there are', ({ needs, clock, madeBy }) => {
    const named = [...needs, ...(clock === undefined ? [] : [clock.setting]), ...Object.keys(madeBy ?? {})];

    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !(name in settings))).toEqual([]);
  });
});
