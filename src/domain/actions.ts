import { KnownError } from './errors.ts';
import { trackingIdOf } from './job.ts';
import { RENEWABLE_STATES, type Recording, type State } from './recording.ts';

/** What an operator can do with a recording. */
export const ACTIONS = [
  'retry',
  'cancel',
  'set-aside',
  'move-to-front',
  'schedule',
  'rename',
  'publish-again',
  'delete',
] as const;
export type Action = (typeof ACTIONS)[number];

/** The states of which many are tried again at once. */
export const RETRIED_TOGETHER = ['failed', 'backing-off', 'set-aside'] as const satisfies State[];

/**
 * What can be done with a recording now.
 *
 * - retry: it goes on at once, its attempts counted anew
 * - cancel: it stops, and what it has made is taken back; if it was being published again, the earlier video stays
 * - set-aside: it leaves the line and keeps what it has reached
 * - move-to-front: it goes before all others that wait
 * - schedule: it does not move before a time
 * - rename: it gets another title, here, in Bunny and on the website
 * - publish-again: a new video is made of its archived file, in place of the one that there is
 * - delete: what was brought home is removed everywhere, and the website is told
 *
 * @param terms.isAnnounced Whether its publication is being, or has been, announced to the website: then it can only go on.
 * @param terms.isShown Whether a publisher shows something of it.
 */
export function possibleActions(
  recording: Pick<
    Recording,
    'state' | 'wanted' | 'notBeforeMs' | 'kind' | 'isFromArchive' | 'isReopened' | 'naturalKey'
  >,
  terms: { isAnnounced: boolean; isShown: boolean; nowMs: number },
): Action[] {
  const isAnnounced = terms.isAnnounced || recording.isReopened === true;
  const isHome = isAnnounced || recording.isFromArchive === true;
  const { state } = recording;
  if (hasEndedForGood(recording)) return [];
  const ways = waysOf(recording, { isAnnounced, nowMs: terms.nowMs });
  if (isOver(state)) return ways;
  const isDeletable = state === 'done' || (isHome && state !== 'moving');
  const isPublishable = state === 'done' && recording.kind === 'video' && terms.isShown;
  return [
    ...ways,
    'rename',
    ...(isPublishable ? ['publish-again' as const] : []),
    ...(isDeletable ? ['delete' as const] : []),
  ];
}

/** A job has told the program that asked for it that it will not be: from then on it stays so. */
function hasEndedForGood(recording: Pick<Recording, 'state' | 'naturalKey'>): boolean {
  return RENEWABLE_STATES.includes(recording.state) && trackingIdOf(recording) !== undefined;
}

/** Whether nothing is left of it, or soon will be. */
function isOver(state: Recording['state']): boolean {
  return RENEWABLE_STATES.includes(state) && state !== 'failed';
}

/** What becomes of its way home. */
function waysOf(
  { state, wanted, notBeforeMs }: Pick<Recording, 'state' | 'wanted' | 'notBeforeMs'>,
  { isAnnounced, nowMs }: { isAnnounced: boolean; nowMs: number },
): Action[] {
  const cancel: Action[] = isAnnounced ? [] : ['cancel'];
  switch (state) {
    case 'waiting':
      return notBeforeMs > nowMs
        ? ['retry', ...cancel, 'set-aside', 'schedule']
        : [...cancel, 'set-aside', 'move-to-front', 'schedule'];
    case 'backing-off':
      return ['retry', ...cancel, 'set-aside', 'schedule'];
    case 'moving':
      if (isAnnounced || wanted === 'cancelled') return [];
      return wanted === null ? ['cancel', 'set-aside'] : ['cancel'];
    case 'failed':
      return ['retry', ...cancel, 'set-aside'];
    case 'set-aside':
      return ['retry', ...cancel];
    case 'cancelled':
    case 'deleted':
      return ['retry'];
    case 'cancelling':
    case 'deleting':
    case 'done':
      return [];
  }
}

/** Why there is nothing to be done with a recording; by its state. */
const NOTHING_TO_DO: Readonly<Partial<Record<State, string>>> = {
  moving: 'its end is near, wait for that',
  cancelling: 'what it has made is being taken back; once it is cancelled, retry is possible',
  deleting: 'it is being deleted everywhere; once that is done, retry is possible',
  done: 'it is at home, and there is nothing left to stop or to try again',
};

const TOLD_AS_ENDED =
  'the program that asked for this job has been told that it has ended, and has to ask for a new one';

/** The refusal of an action, which says what is possible instead. */
export function wrongState(
  recording: Pick<Recording, 'id' | 'state' | 'wanted' | 'naturalKey'>,
  action: Action,
  possible: readonly Action[],
): KnownError {
  const { id, state, wanted } = recording;
  const stands = wanted === null ? state : `${state} and about to be ${wanted}`;
  const nothing = hasEndedForGood(recording) ? TOLD_AS_ENDED : NOTHING_TO_DO[state];
  const instead = possible.length === 0 ? nothing : `possible: ${possible.join(', ')}`;
  return new KnownError(`${action} is not possible: the recording ${id} is ${stands}; ${instead}`, {
    code: 'WRONG_STATE',
    details: { state, wanted, possible },
  });
}
