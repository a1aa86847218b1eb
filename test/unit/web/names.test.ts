import { readdirSync, readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** What the pages of people may not know by name: steps, services and events are told by the server. */
const TASKS = readdirSync('src/tasks', { withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ name }) => basename(name, extname(name)));
const SERVICES = ['\\bb2(?![0-9a-f])', 'backblaze', 'bunny', 'zoom'];

/** The files that may, and why. */
const ALLOWED: Readonly<Record<string, string>> = {
  'web/dashboard/zoom-page.tsx': 'the page of a door that is Zoom’s alone: what its rules have left there',
  'web/dashboard/router.tsx': 'the address of that page',
  'web/dashboard/app.tsx': 'the way to that page',
  'web/dashboard/types.ts': 'what the API of that page answers',
  ...Object.fromEntries(
    ['watch/keys.ts', 'watch/memory.ts', 'watch/player.tsx', 'shared/source.ts'].map((file) => [
      `web/${file}`,
      'what browsers and players call the text below a film',
    ]),
  ),
};

const NAMES = new RegExp(`['"\`](?:${TASKS.join('|')})['"\`]|${SERVICES.join('|')}`, 'gi');

function namesIn(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(NAMES)].map(([name]) => name);
}

const files = readdirSync('web', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(tsx?|js|json|css|html|svg)$/.test(entry.name))
  .map((entry) => join(entry.parentPath, entry.name));

describe('the pages of people', () => {
  it('are looked through', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(TASKS).toContain('fetch');
  });

  it('name no task and no service', () => {
    const naming = files.flatMap((path) => {
      const names = path in ALLOWED ? [] : namesIn(path);
      return names.length === 0 ? [] : [`${path}: ${names.join(', ')}`];
    });
    expect(naming).toEqual([]);
  });

  it.each(Object.entries(ALLOWED))('but for %s: %s', (path) => {
    expect(namesIn(path)).not.toEqual([]);
  });
});
