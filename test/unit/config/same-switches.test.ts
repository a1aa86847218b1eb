import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { settings } from '../../../src/config/settings.ts';

const PROJECT = join(import.meta.dirname, '../../..');
const read = (path: string) => readFileSync(join(PROJECT, path), 'utf8');

const PROGRAMS = /dist\/(?:queue|server|tus)\/main\.js/g;
const programsIn = (path: string) => [...new Set(read(path).match(PROGRAMS) ?? [])].sort();

it('P46 production and the demo run the same programs', () => {
  expect(programsIn('ecosystem.config.js')).toEqual([
    'dist/queue/main.js',
    'dist/server/main.js',
    'dist/tus/main.js',
  ]);
  expect(programsIn('scripts/demo/environment.ts')).toEqual(programsIn('ecosystem.config.js'));
});

it.each(['src/queue/main.ts', 'src/server/main.ts', 'src/tus/main.ts', 'src/processes/check-main.ts'])(
  'P46 %s reads its settings by the one schema, wherever it runs',
  (path) => {
    expect(read(path)).toContain('loadConfig(process.env)');
  },
);

it.each(['ecosystem.config.js', 'scripts/demo/environment.ts'])(
  'P46 %s knows no setting that is not in .env.example',
  (path) => {
    const named = [
      // The keys of what the demo hands its processes, and what pm2 looks up.
      ...read(path).matchAll(/^ {4}([A-Z][A-Z\d_]+):/gm),
      ...read(path).matchAll(/\bsetting\('([A-Z\d_]+)'\)/g),
    ].map(([, name = '']) => name);

    expect(named.length).toBeGreaterThan(1);
    expect(named.filter((name) => !(name in settings))).toEqual([]);
  },
);
