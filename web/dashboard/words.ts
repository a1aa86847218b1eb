import { formatCount, formatTime } from '../shared/format.ts';
import type { Action, CauseView, EventView, RecordingNews, RecordingView, State, StepView } from './types.ts';
import { serviceWords } from './vocabulary.ts';

/* What the dashboard calls things. */

export const STATE_WORDS: Readonly<Record<State, string>> = {
  waiting: 'In line',
  moving: 'Moving',
  'backing-off': 'Will be tried again',
  'set-aside': 'Set aside',
  cancelling: 'Being taken back',
  deleting: 'Being deleted',
  done: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
  deleted: 'Deleted',
};

/** What people call a step of a recording; one that its plan no longer has goes by its own name. */
export function stepWords(steps: readonly Pick<StepView, 'id' | 'label'>[], id: string): string {
  return steps.find((step) => step.id === id)?.label ?? id;
}

export const DELIVERY_WORDS = { pending: 'to be told', delivered: 'told', failed: 'given up' } as const;
export const DELIVERY_TONES = { pending: 'busy', delivered: 'good', failed: 'bad' } as const;

/** What a recording's state is, in a few words. */
export function stateWords(recording: RecordingView): string {
  const { state, wanted, not_before, position, playable, last_error } = recording;
  if (wanted !== null) return wanted === 'cancelled' ? 'Is being cancelled' : 'Is being set aside';
  const isLater = not_before !== null && Date.parse(not_before) > Date.now();
  if (isLater && (state === 'waiting' || state === 'backing-off')) {
    const time = formatTime(new Date(not_before));
    return state === 'waiting' && last_error === null ? `Not before ${time}` : `Tries again at ${time}`;
  }
  if (state === 'waiting' && position === 1) return 'Next in line';
  if (state === 'waiting' && position !== null) return `Place ${position} in line`;
  if (state === 'done' && playable) return 'Done, playable';
  if (state === 'done' && playable === false) return 'Done, being encoded';
  return STATE_WORDS[state];
}

export function actionWords(action: Action, state: State): string {
  switch (action) {
    case 'retry':
      if (state === 'set-aside') return 'Put back in line';
      if (state === 'cancelled' || state === 'deleted') return 'Bring it home after all';
      return state === 'failed' ? 'Try again' : 'Try now';
    case 'cancel':
      return 'Cancel…';
    case 'set-aside':
      return 'Set aside';
    case 'move-to-front':
      return 'Move to the front';
    case 'schedule':
      return 'Schedule…';
    case 'rename':
      return 'Rename…';
    case 'publish-again':
      return 'Publish again…';
    case 'delete':
      return 'Delete…';
  }
}

/** What is said once an action is done. */
export const DEED_WORDS: Readonly<Record<Action, string>> = {
  retry: 'goes on',
  cancel: 'is cancelled',
  'set-aside': 'is set aside',
  'move-to-front': 'is next in line',
  schedule: 'has its time',
  rename: 'has its new title',
  'publish-again': 'is published again',
  delete: 'is being deleted',
};

/** What those who listen are told; little things are not worth a word. */
export function newsWords({ type, recording }: RecordingNews): string | undefined {
  const title = recording?.title ?? 'A recording';
  switch (type) {
    case 'recording.done':
      return `${title} is done.`;
    case 'recording.failed':
      return `${title} has failed. ${recording?.last_error?.title ?? ''}`.trim();
    case 'video.playable':
      return `${title} is playable.`;
    default:
      return undefined;
  }
}

/** What has happened, with what of it is worth a word. */
export function eventWords({ type, words, data }: Pick<EventView, 'type' | 'words' | 'data'>): string {
  const { not_before } = data;
  if (type === 'recording.scheduled') {
    return typeof not_before === 'string'
      ? `${words} for ${formatTime(new Date(not_before))}`
      : `${words}: as soon as its turn comes`;
  }
  if (type === 'recording.renamed' && typeof data['to'] === 'string') {
    return `${words}: “${data['from']}” is now “${data['to']}”`;
  }
  return words;
}

/** What a companion is, in a word or two. */
export function companionWords({
  kind,
  companion,
}: Pick<RecordingView, 'kind' | 'companion'>): string | undefined {
  if (kind !== 'companion') return undefined;
  return (companion ?? 'companion').replaceAll('_', ' ');
}

/** What keeps recordings from moving, and how many; of what goes on by itself, when. */
export function heldWords({ reason, code, service, title, count, next_at }: CauseView): string {
  const one = count === 1;
  const many = formatCount(count);
  const isDue = next_at !== null && Date.parse(next_at) <= Date.now();
  const time = next_at === null || isDue ? undefined : formatTime(new Date(next_at));
  const at = (words: string) => (time === undefined ? '' : `, ${one ? '' : 'the first '}${words} ${time}`);
  if (reason === 'time')
    return one ? `1 waits for its time${at('at')}` : `${many} wait for their time${at('at')}`;
  if (reason === 'set-aside') return one ? '1 is set aside' : `${many} are set aside`;
  if (reason === 'taking-back') {
    return `${one ? '1 is' : `${many} are`} being taken back${at('tried again at')}`;
  }
  const waits = one ? '1 waits' : `${many} wait`;
  if (service !== null) {
    return `${waits} for ${serviceWords(service)}${time === undefined ? '' : `, tried again at ${time}`}`;
  }
  if (code === 'WAITING_FOR_VIDEO') return `${waits} for ${one ? 'its' : 'their'} video`;
  if (code === 'DISK_FULL') return `${waits} for room on the disk${at('tried again at')}`;
  return `${waits} to be tried again${at('at')}${title === null ? '' : `: ${title}`}`;
}

/** The list of all that the same thing keeps from moving. */
export function causeAddress({ reason, code, service }: CauseView): string {
  const query = new URLSearchParams();
  if (reason === 'time') query.set('waits', 'time');
  else if (reason === 'set-aside') query.set('state', 'set-aside');
  else if (reason === 'taking-back') query.set('state', 'cancelling,deleting');
  else if (reason === 'failed') query.set('state', 'failed');
  else query.set('waits', 'something');
  if (code !== null) query.set('code', code);
  if (service !== null) query.set('service', service);
  return `/recordings?${query}`;
}

/** What has happened, with the name of whoever wanted it where the history knows one. */
export function withName(words: string, by: unknown): string {
  if (typeof by !== 'string' || by === '' || by === 'operator') return words;
  const name = by === 'this server' ? 'somebody on this server' : by;
  if (/^(an operator|somebody)\b/i.test(words)) return words.replace(/^(an operator|somebody)/i, () => name);
  return words.includes('an operator') ? words.replace('an operator', () => name) : `${words}, by ${name}`;
}
