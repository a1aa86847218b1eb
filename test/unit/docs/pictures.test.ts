import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const PROJECT = join(import.meta.dirname, '../../..');
const PAGE = readFileSync(join(PROJECT, 'docs/architecture.md'), 'utf8');

/** The source of each picture, by the heading that it stands under. */
const PICTURES = [...PAGE.matchAll(/^## (.+)\n+(?:(?!## ).*\n)*?```mermaid\n([\s\S]+?)\n```/gm)].map(
  ([, heading = '', source = '']) => ({ heading, source, lines: source.split('\n') }),
);

describe('P44 the pictures of the architecture', () => {
  it('are there as the text that they are drawn from, each under its heading', () => {
    expect(PICTURES.map(({ heading }) => heading)).toEqual(
      [...PAGE.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading),
    );
    expect(PICTURES.length).toBeGreaterThan(3);
  });

  it.each(PICTURES)('$heading: is of a kind that is drawn, and ends what it begins', ({ lines, source }) => {
    expect(lines[0]).toMatch(/^(flowchart (LR|TD)|stateDiagram-v2|sequenceDiagram)$/);
    const count = (pattern: RegExp) => source.match(pattern)?.length ?? 0;
    expect(count(/^ *end$/gm)).toBe(count(/^ *(subgraph|loop|alt|opt|par) /gm));
    for (const [open, close] of ['[]', '()', '{}']) {
      expect(source.split(open ?? '').length, open).toBe(source.split(close ?? '').length);
    }
  });

  it.each(PICTURES.filter(({ lines }) => lines[0] === 'sequenceDiagram'))(
    '$heading: whoever says or hears something in it is introduced',
    ({ source }) => {
      const introduced = [...source.matchAll(/^ *participant (\w+) as /gm)].map(([, name]) => name);
      const speaking = [...source.matchAll(/^ *(\w+)--?>>(\w+):/gm)].flatMap(([, from, to]) => [from, to]);

      expect(new Set(speaking)).toEqual(new Set(introduced));
    },
  );

  it('are referred to by the page that says the same in words, and by the other way round', () => {
    expect(PAGE).toContain('(design.md)');
    expect(existsSync(join(PROJECT, 'docs/design.md'))).toBe(true);
    expect(readFileSync(join(PROJECT, 'docs/design.md'), 'utf8')).toContain('architecture.md');
  });
});
