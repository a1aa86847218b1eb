import { existsSync, readdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ServiceWords } from '../../../src/domain/services.ts';
import { type OutputPlaceSettings, openOutputPlaces } from '../../../src/outside/output-places.ts';
import { SERVICES } from '../../../src/outside/words.ts';
import { publishersFound, storesFound } from '../../support/registry.ts';

const byService = (a: ServiceWords, b: ServiceWords) => a.service.localeCompare(b.service);
const settings = {
  mediaOut: { kind: 'folder', path: '/tmp/media', reserveBytes: 0 },
} as unknown as OutputPlaceSettings;

describe('the words of the services', () => {
  it('are there for every store, publisher and place of outputs, by the names of their circuits', () => {
    const [stores, publishers] = [storesFound(), publishersFound()];
    const outputs = [...openOutputPlaces(settings, { idleTimeoutMs: 1 }).setUp.values()].map(
      ({ service }) => ({
        service,
      }),
    );

    expect(stores.length + publishers.length).toBeGreaterThan(3);
    expect(outputs.length).toBeGreaterThan(0);
    for (const place of [...stores, ...publishers, ...outputs]) {
      expect(SERVICES.all).toContainEqual(expect.objectContaining(place));
    }
  });

  it('are listed as every wing words them', async () => {
    const files = readdirSync('src/outside', { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `src/outside/${name}/words.ts`)
      .filter((path) => existsSync(path));
    const worded = await Promise.all(
      files.map(async (path) => Object.values(await import(pathToFileURL(path).href))),
    );

    expect(files.length).toBeGreaterThan(3);
    expect([...SERVICES.all].sort(byService)).toEqual((worded.flat() as ServiceWords[]).sort(byService));
  });
});
