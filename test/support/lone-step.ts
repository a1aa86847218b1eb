import type { PlannedStep } from '../../src/domain/recipe.ts';

const STEP: PlannedStep = {
  id: 'fetch',
  task: 'fetch',
  lane: 'upload',
  params: undefined,
  takes: [],
  after: [],
  isFinal: false,
};

/** What a step that is run by itself, with no worker and nobody beside it, is given whatever it does. */
export const LONE_STEP = {
  step: STEP,
  params: undefined,
  fence: 1,
  proved: () => [],
  checkLease: async () => {},
  expectLate: async () => {},
  cameInTime: async () => {},
  progress: () => {},
  encodes: () => {},
  take: () => Promise.reject(new Error('nobody reads')),
};
