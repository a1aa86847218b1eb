import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { planRun, type Recipe, type RecipeStep, type TaskShape } from '../../../src/domain/recipe.ts';

const SHAPES: readonly TaskShape[] = [
  { name: 'fetch', label: 'Fetch', lane: 'upload', makes: ['file'] },
  {
    name: 'archive',
    label: 'Archive',
    lane: 'upload',
    takes: { file: 'growing' },
    params: z.strictObject({ store: z.enum(['b2', 'folder']).default('b2') }),
  },
  { name: 'probe', label: 'Probe', lane: 'media', takes: { file: 'proved' } },
  { name: 'mix', label: 'Mix', lane: 'media', takes: { left: 'growing', right: 'proved' }, makes: ['mixed'] },
  { name: 'notify', label: 'Announce', lane: 'upload', isFinal: true },
];
const TASKS = new Map(SHAPES.map((shape) => [shape.name, shape]));

const FETCH = { id: 'fetch', task: 'fetch' };
const ARCHIVE = { id: 'archive', task: 'archive', takes: { file: 'fetch.file' } };

function plan(...steps: RecipeStep[]) {
  return planRun({ name: 'test', version: 3, steps } satisfies Recipe, TASKS);
}

/** Where and what, in a line each. */
function problemsOf(...steps: RecipeStep[]): string[] {
  const { problems = [] } = plan(...steps);
  return problems.map(({ step, path, text }) => `${step ?? '-'} ${path.join('.')}: ${text}`);
}

describe('a plan', () => {
  it('has each step behind those that it needs, whatever order the recipe has them in', () => {
    const { plan: made } = plan(
      { id: 'say', task: 'notify', after: ['archive', 'copy'] },
      ARCHIVE,
      { id: 'copy', task: 'archive', takes: { file: 'fetch.file' }, params: { store: 'folder' } },
      FETCH,
    );

    expect(made?.steps.map(({ id }) => id)).toEqual(['fetch', 'archive', 'copy', 'say']);
    expect(made).toMatchObject({ recipe: 'test', version: 3 });
  });

  it('has the parameters as the task reads them, and the edges as the task wants the bytes', () => {
    const { plan: made } = plan(FETCH, ARCHIVE, {
      id: 'probe',
      task: 'probe',
      takes: { file: 'fetch.file' },
    });

    expect(made?.steps[1]).toEqual({
      id: 'archive',
      task: 'archive',
      lane: 'upload',
      params: { store: 'b2' },
      takes: [{ input: 'file', step: 'fetch', output: 'file', how: 'growing' }],
      after: [],
      isFinal: false,
    });
    expect(made?.steps[2]).toMatchObject({ lane: 'media', takes: [{ how: 'proved' }] });
  });

  it('survives being kept as JSON', () => {
    const { plan: made } = plan(FETCH, ARCHIVE);

    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  });
});

describe('a recipe is refused', () => {
  it.each<[string, RecipeStep[], string[]]>([
    ['with no step', [], ['- steps: has no step']],
    [
      'with a task that nobody has',
      [FETCH, { id: 'x', task: 'thumbnial' }],
      ['1 task: there is no task "thumbnial": there are "fetch", "archive", "probe", "mix", "notify"'],
    ],
    ['with an id that is there twice', [FETCH, FETCH], ['0 id: "fetch" is the name of another step as well']],
    [
      'with an id that is no name',
      [{ id: 'Fetch it', task: 'fetch' }],
      ['0 id: "Fetch it" is no name of a step: small letters, digits and hyphens, a letter first'],
    ],
    [
      'with a store that there is not',
      [FETCH, { ...ARCHIVE, params: { store: 's3' } }],
      ['1 params.store: Invalid option: expected one of "b2"|"folder"'],
    ],
    [
      'with a parameter of a task that has none',
      [{ ...FETCH, params: { speed: 1 } }],
      ['0 params.speed: the task "fetch" has no parameter "speed": it has none'],
    ],
    [
      'that does not say which bytes a step reads',
      [FETCH, { id: 'archive', task: 'archive' }],
      ['1 takes: does not say which bytes are its "file", such as file: fetch.file'],
    ],
    [
      'that reads what nobody makes',
      [FETCH, { ...ARCHIVE, takes: { file: 'fetch.image' } }],
      ['1 takes.file: nobody makes "fetch.image": the step "fetch" makes "fetch.file"'],
    ],
    [
      'that reads from a step that makes nothing',
      [FETCH, ARCHIVE, { id: 'probe', task: 'probe', takes: { file: 'archive.file' } }],
      ['2 takes.file: nobody makes "archive.file": the step "archive" makes no bytes'],
    ],
    [
      'that reads from a step that there is not',
      [FETCH, { ...ARCHIVE, takes: { file: 'download.file' } }],
      ['1 takes.file: "download.file" names no step: there are "fetch", "archive"'],
    ],
    [
      'that reads from nothing at all',
      [FETCH, { ...ARCHIVE, takes: { file: 'file' } }],
      ['1 takes.file: "file" names no step: there are "fetch", "archive"'],
    ],
    [
      'with an input that the task does not have',
      [FETCH, { ...ARCHIVE, takes: { file: 'fetch.file', sound: 'fetch.file' } }],
      ['1 takes.sound: the task "archive" takes no "sound": it takes "file"'],
    ],
    [
      'that waits for a step that there is not',
      [FETCH, { ...ARCHIVE, after: ['publish'] }],
      ['1 after.0: there is no step "publish": there are "fetch", "archive"'],
    ],
    [
      'whose steps wait for each other',
      [FETCH, { ...ARCHIVE, after: ['say'] }, { id: 'say', task: 'notify', after: ['archive'] }],
      ['1 after: the steps wait for each other: archive → say → archive'],
    ],
    [
      'whose step waits for itself',
      [{ ...FETCH, after: ['fetch'] }],
      ['0 after: the steps wait for each other: fetch → fetch'],
    ],
    [
      'with two steps that cannot be taken back',
      [
        FETCH,
        { id: 'say', task: 'notify', after: ['fetch'] },
        { id: 'again', task: 'notify', after: ['say'] },
      ],
      ['2 task: "say" and "again" both cannot be taken back: one is the most'],
    ],
    [
      'whose bytes would have to grow from one lane into another',
      [FETCH, { id: 'mix', task: 'mix', takes: { left: 'fetch.file', right: 'fetch.file' } }],
      ['1 takes.left: "fetch.file" would have to grow from the lane "upload" into the lane "media"'],
    ],
  ])('%s', (_name, steps, problems) => {
    expect(problemsOf(...steps)).toEqual(problems);
  });

  it('with every problem at once', () => {
    expect(
      problemsOf(
        { id: 'a', task: 'nope' },
        { id: 'b', task: 'archive', takes: { file: 'a.file' }, params: { store: 1 } },
        { id: 'c', task: 'probe', takes: { file: 'z.file' }, after: ['q'] },
      ).length,
    ).toBe(4);
  });
});
