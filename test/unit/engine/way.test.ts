import { describe, expect, it } from 'vitest';
import type { PlannedStep } from '../../../src/domain/recipe.ts';
import type { Tasks } from '../../../src/engine/task.ts';
import { createWay } from '../../../src/engine/way.ts';

const step = (id: string, needs: { takes?: string; after?: string[] }): PlannedStep => ({
  id,
  task: id,
  lane: 'upload',
  params: {},
  takes:
    needs.takes === undefined ? [] : [{ input: 'file', step: needs.takes, output: 'file', how: 'growing' }],
  after: needs.after ?? [],
  isFinal: false,
});

const PLAN = {
  recipe: 'bring-home',
  version: 1,
  steps: [
    step('fetch', {}),
    step('archive', { takes: 'fetch' }),
    step('publish', { takes: 'fetch' }),
    step('notify', { after: ['archive', 'publish'] }),
    step('cleanup', { after: ['notify'] }),
  ],
};

/** The steps that may begin, once these are done and those run. */
function mayBegin(done: readonly string[], running: readonly string[] = []): string[] {
  const facts = Object.fromEntries(done.map((id) => [id, {}]));
  const tasks: Tasks = new Map();
  const way = createWay(PLAN, { tasks, facts, isReopened: false });
  return PLAN.steps
    .filter(({ id }) => !running.includes(id))
    .filter((each) => way.canBegin(each, (id) => running.includes(id)))
    .map(({ id }) => id);
}

describe('the way of a run', () => {
  it('has those begin that read bytes while they are made', () => {
    expect(mayBegin([])).toEqual(['fetch']);
    expect(mayBegin([], ['fetch'])).toEqual(['archive', 'publish']);
  });

  it('has what comes last wait for a step that is gone through once more, though its readers are done', () => {
    expect(mayBegin(['archive', 'publish', 'notify'])).toEqual(['fetch']);
    expect(mayBegin(['archive', 'publish', 'notify'], ['fetch'])).toEqual([]);
    expect(mayBegin(['fetch', 'archive', 'publish', 'notify'])).toEqual(['cleanup']);
  });
});
