import { expect, it } from 'vitest';
import type { Recording } from '../../../src/domain/recording.ts';
import type { Video } from '../../../src/engine/ports/publisher.ts';
import type { Claim } from '../../../src/ledger/claims.ts';
import type { Progress } from '../../../src/ledger/recordings.ts';
import { captionsPlace, createCaptionsLooker } from '../../../src/tasks/support/late-captions.ts';

const place = captionsPlace({ videoId: 'v-1', language: 'en' });
const named = (...videoIds: string[]): Progress => ({
  facts: { captions: { videoIds, language: 'en' } },
  checkpoints: {},
});
const NOTHING: Progress = { facts: {}, checkpoints: {} };

/** Looks once; what was removed, and what the history is to say. */
async function look(world: {
  label?: string;
  own?: Progress;
  other?: Progress;
  isRenewed?: boolean;
  isGone?: boolean;
}) {
  const { label = 'English', own = NOTHING, other = NOTHING, isRenewed = false, isGone = false } = world;
  const transcript = { id: 'rec_1', kind: 'companion', groupKey: 'zoom:u', state: 'cancelled' } as Recording;
  const removed: string[] = [];
  const looker = createCaptionsLooker({
    publisher: {
      service: 'bunny',
      look: async () =>
        isGone ? undefined : ({ videoId: 'v-1', captions: [{ language: 'en', label }] } as unknown as Video),
      captions: {
        set: async () => {},
        remove: async ({ videoId }) => {
          removed.push(videoId);
        },
      },
    },
    recordings: {
      ofGroup: async () => [transcript, { ...transcript, id: 'rec_2' }],
      progress: async (id) => (id === 'rec_1' ? own : other),
    },
  });
  const claim = async () => (isRenewed ? undefined : ({ recording: transcript, ...own } as Claim));
  const findings = await looker.look({
    recordingId: 'rec_1',
    place,
    claim,
    signal: new AbortController().signal,
  });
  return { removed, findings };
}

it('captions that nobody names any more are removed, and the history says so', async () => {
  const data = { service: 'bunny', what: 'captions', videoId: 'v-1', language: 'en' };
  expect(await look({ other: named('v-2') })).toEqual({
    removed: ['v-1'],
    findings: [{ type: 'late.removed', data }],
  });
});

it.each([
  ['of a transcript that has them', { own: named('v-1') }],
  ['of another transcript of the meeting', { other: named('v-1') }],
  [
    'that are being set again',
    { own: { facts: {}, checkpoints: { captions: { videoIds: ['v-1'], language: 'en' } } } },
  ],
  ['of a transcript with a new beginning', { isRenewed: true }],
  ['that somebody has set under another label', { label: 'English (corrected)' }],
  ['of a video that is gone', { isGone: true }],
])('captions %s are left alone', async (_name, world) => {
  expect(await look(world)).toEqual({ removed: [], findings: [] });
});

it.each([
  ['a title', 'captions [sluice 0123456789abcdef]'],
  ['a title with slashes', 'captions/a/b [sluice 0123456789abcdef]'],
])('a place that is %s is no place of captions', (_name, title) => {
  const looker = createCaptionsLooker({ publisher: {} as never, recordings: {} as never });
  expect(looker.isFor?.(title)).toBe(false);
  expect(looker.isFor?.(place)).toBe(true);
});
