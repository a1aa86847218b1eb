import { expect, it } from 'vitest';
import type { Host } from '../../../src/cli/api-shapes.ts';
import { judgeHosts } from '../../../src/cli/doctor/hosts.ts';

const host = (name: string, more: Partial<Host> = {}): Host => ({
  host: name,
  own: name === 'a',
  state: 'ok',
  silent_s: 0,
  address: `http://${name}:1080`,
  version: '0.1.0',
  free_bytes: 1e9,
  total_bytes: 2e9,
  uploads: 0,
  upload_bytes: 0,
  recordings: 0,
  bound: 0,
  ...more,
});

it('all is well while all hosts live, reach each other and are of one version', () => {
  expect(judgeHosts([host('a'), host('b')])).toMatchObject({ state: 'ok', text: 'a, b: all of them live' });
  expect(judgeHosts([host('a', { address: null })])).toMatchObject({ state: 'ok', text: 'a, alone so far' });
});

it('a silent host is named, with what lies on its disk alone and what to do about it', () => {
  const { state, text, advice } = judgeHosts([
    host('a'),
    host('b', { state: 'silent', silent_s: 120, bound: 3 }),
  ]);

  expect(state).toBe('warn');
  expect(text).toBe('b has been silent for 2 min, and 3 unfinished recordings lie on its disk alone');
  expect(advice).toContain('sluice hosts forget');
});

it('a host whose uploads no other one can pass on is named, and versions that differ', () => {
  const { text, advice } = judgeHosts([host('a'), host('b', { address: null, version: '0.2.0' })]);

  expect(text).toBe('no other host can pass uploads on to b; they run 0.1.0 and 0.2.0');
  expect(advice).toContain('HOST_URL');
});
