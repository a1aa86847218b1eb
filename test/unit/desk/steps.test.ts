import { describe, expect, it } from 'vitest';
import { inWords } from '../../../src/desk/history.ts';
import { createSteps } from '../../../src/desk/steps.ts';
import { planRun } from '../../../src/domain/recipe.ts';
import type { Recording } from '../../../src/domain/recording.ts';
import type { RecordingEvent } from '../../../src/ledger/events.ts';
import { WORDS } from '../../../src/outside/words.ts';
import { loadTaskShapes } from '../../../src/tasks/support/files.ts';

const tasks = await loadTaskShapes();
const take = { file: 'fetch.file' };

async function stepsOf(recording: object) {
  const recipe = {
    name: 'two-stores',
    version: 1,
    steps: [
      { id: 'fetch', task: 'fetch' },
      { id: 'home', task: 'archive', takes: take },
      { id: 'away', task: 'archive', takes: take, params: { store: 'folder' } },
      { id: 'publish', task: 'publish', takes: take },
      { id: 'tidy', task: 'cleanup', after: ['home', 'away', 'publish'] },
    ],
  };
  const { plan } = planRun(recipe, tasks);
  if (plan === undefined) throw new Error('it cannot be planned');
  return await createSteps({
    book: { planOf: async () => plan },
    tasks,
    services: WORDS.services,
    recordings: { stageTimes: async () => ({ fetch: { startedAtMs: 1, doneAtMs: 2 } }) },
  }).of({ id: 'rec_1', source: 'zoom', origin: { kind: 'zoom' }, ...recording } as Recording);
}

describe('the steps of a recording', () => {
  it('stand in the order of its plan, with labels that tell them apart and with what is done', async () => {
    const steps = await stepsOf({});

    expect(steps.map(({ id, label, words, reports, isDone }) => [id, label, words, reports, isDone])).toEqual(
      [
        ['fetch', 'Fetch', 'Fetch from Zoom', 'bytes', true],
        ['home', 'Archive (b2)', 'Archive to Backblaze B2', 'bytes', false],
        ['away', 'Archive (folder)', 'Archive to the folder store', 'bytes', false],
        ['publish', 'Publish', 'Publish to Bunny Stream', 'bytes', false],
        ['tidy', 'Clean up', 'Clean up', null, false],
      ],
    );
  });

  it.each([
    [{ source: 'custom', origin: { kind: 'file' } }, 'Fetch from the disk'],
    [{ isFromArchive: true }, 'Fetch from the archive'],
  ])('say where the bytes of %j come from', async (recording, words) => {
    expect((await stepsOf(recording))[0]?.words).toBe(words);
  });

  it('are called by their labels in its history', async () => {
    const steps = await stepsOf({});
    const wordsOf = (type: string, stage: string) =>
      inWords(
        { seq: 1, recordingId: 'rec_1', atMs: 0, type, data: { stage } } as RecordingEvent,
        steps,
        WORDS,
      ).words;

    expect(wordsOf('stage.done', 'away')).toBe('Archive (folder) is done');
    expect(wordsOf('stage.started', 'gone')).toBe('gone begins');
    expect(wordsOf('of.an-older-version', 'home')).toBe('of.an-older-version');
  });
});
