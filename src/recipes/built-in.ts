import { REGISTER, REGISTER_STEP } from '../domain/asset.ts';
import type { Recipe } from '../domain/recipe.ts';
import type { RecordingKind, SourceDetails } from '../domain/recording.ts';

/** A class: fetched, archived and published at once, announced to the website, and removed from our disk. */
const bringHome: Recipe = {
  name: 'bring-home',
  version: 1,
  steps: [
    { id: 'fetch', task: 'fetch' },
    { id: 'archive', task: 'archive', takes: { file: 'fetch.file' } },
    { id: 'publish', task: 'publish', takes: { file: 'fetch.file' } },
    { id: 'notify', task: 'notify', after: ['archive', 'publish'] },
    { id: 'cleanup', task: 'cleanup', after: ['notify'] },
  ],
};

/**
 * A class that the academy shows by itself: archived, then made into what a player takes beside the next one that comes in. The
 * picture comes first, for it is made in no time and is shown while the rest is not there.
 */
const ownPlayer: Recipe = {
  name: 'own-player',
  version: 2,
  steps: [
    { id: 'fetch', task: 'fetch' },
    { id: 'archive', task: 'archive', takes: { file: 'fetch.file' } },
    {
      id: 'poster',
      task: 'thumbnail',
      takes: { file: 'fetch.file' },
      after: ['archive'],
      params: { time: '10%', width: 1280 },
    },
    { id: 'package', task: 'package', takes: { file: 'fetch.file' }, after: ['archive'] },
    { id: 'sprite', task: 'sprite', takes: { file: 'fetch.file' }, after: ['archive'] },
    { id: 'notify', task: 'notify', after: ['poster', 'package', 'sprite'] },
    { id: 'cleanup', task: 'cleanup', after: ['notify'] },
  ],
};

/** What belongs to a video: archived beside it. */
const bringCompanion: Recipe = {
  name: 'bring-companion',
  version: 1,
  steps: [
    { id: 'fetch', task: 'fetch' },
    { id: 'archive', task: 'archive', takes: { file: 'fetch.file' } },
    { id: 'cleanup', task: 'cleanup', after: ['archive'] },
  ],
};

/** A transcript: archived, and shown with the video of its time, wherever that plays. */
const bringTranscript: Recipe = {
  name: 'bring-transcript',
  version: 2,
  steps: [
    { id: 'fetch', task: 'fetch' },
    { id: 'archive', task: 'archive', takes: { file: 'fetch.file' } },
    {
      id: 'package-captions',
      task: 'package-captions',
      takes: { file: 'fetch.file' },
      after: ['archive'],
    },
    { id: 'captions', task: 'captions', takes: { file: 'fetch.file' }, after: ['archive'] },
    { id: 'cleanup', task: 'cleanup', after: ['package-captions', 'captions'] },
  ],
};

/** What is in a file: for one more run of a recording that is home. */
const probe: Recipe = {
  name: 'probe',
  version: 1,
  steps: [
    { id: 'fetch', task: 'fetch' },
    { id: 'probe', task: 'probe', takes: { file: 'fetch.file' } },
    { id: 'cleanup', task: 'cleanup', after: ['probe'] },
  ],
};

/** What lies below MEDIA_IN and is only looked into, where it lies. */
const register: Recipe = {
  name: REGISTER,
  version: 1,
  steps: [{ id: REGISTER_STEP, task: 'glance' }],
};

export const BUILT_IN: readonly Recipe[] = [
  bringHome,
  ownPlayer,
  bringCompanion,
  bringTranscript,
  probe,
  register,
];

export const BUILT_IN_NAMES: readonly string[] = BUILT_IN.map(({ name }) => name);

export const DEFAULT_RECIPE = bringHome.name;

/** The recipe of what nobody has chosen another one for. */
export function builtInFor(of: { readonly kind: RecordingKind; readonly details: SourceDetails }): Recipe {
  if (of.kind === 'video') return bringHome;
  return of.details['companion'] === 'transcript' ? bringTranscript : bringCompanion;
}
