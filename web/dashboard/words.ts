import { formatCount, formatTime } from '../shared/format.ts';
import type { Action, CauseView, EventType, LegName, RecordingNews, RecordingView, State } from './types.ts';

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

export const SOURCE_WORDS: Readonly<Record<RecordingView['source'], string>> = {
  zoom: 'Zoom',
  manual: 'Tutor’s upload',
  custom: 'File on the server',
};

export const LEG_WORDS: Readonly<Record<LegName, string>> = {
  fetch: 'Fetch',
  archive: 'Archive',
  publish: 'Publish',
};

export const STAGE_WORDS: Readonly<Record<string, string>> = {
  ...LEG_WORDS,
  captions: 'Captions',
  notify: 'Announce',
  cleanup: 'Clean up',
};

const SERVICE_WORDS: Readonly<Record<string, string>> = {
  zoom: 'Zoom',
  b2: 'Backblaze B2',
  bunny: 'Bunny Stream',
  folder: 'the folder store',
  'folder-publisher': 'the folder of published videos',
  site: 'Website',
};

/** What people call a service. */
export function serviceWords(service: string): string {
  return Object.hasOwn(SERVICE_WORDS, service) ? (SERVICE_WORDS[service] ?? service) : service;
}

/** Where a video is published. */
export function publisherWords(publisher: string): string {
  if (publisher === 'bunny') return 'Bunny';
  return publisher === 'folder' ? 'Published folder' : publisher;
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

/** Of every event that the ledger can record; the compiler says if one is missing. */
const EVENT_WORDS: Readonly<Record<EventType, string>> = {
  'lane.changed': 'Goes on in another lane',
  'recording.accepted': 'Accepted',
  'recording.repeated': 'Brought again; nothing to do',
  'recording.revived': 'Brought again, begins anew',
  'recording.done': 'Done',
  'recording.failed': 'Failed',
  'recording.retried': 'Tried again by an operator',
  'recording.scheduled': 'Scheduled by an operator',
  'recording.moved-to-front': 'Moved to the front by an operator',
  'recording.set-aside': 'Set aside',
  'recording.cancelled': 'Cancelled',
  'recording.renamed': 'Renamed by an operator',
  'recording.deleted': 'Deleted everywhere',
  'deletion.started': 'An operator deletes it',
  'publish-again.asked': 'Published again, as an operator asks',
  'publish-again.done': 'Published again',
  'publish-again.given-up': 'Not published again; the earlier video stays',
  'stop.asked': 'An operator asks for a stop',
  'withdrawal.started': 'What was made is being taken back',
  'withdrawal.failed': 'Could not be taken back yet',
  'archive.left': 'The archived file was left where it is',
  'late.removed': 'What came late, and was too much, was taken back',
  'attempt.started': 'An attempt begins',
  'attempt.interrupted': 'The attempt was interrupted',
  'attempt.postponed': 'Postponed',
  'upload.surplus': 'A second upload came, and was left out',
  'attempt.failed': 'The attempt failed',
  'stage.started': 'begins',
  'stage.done': 'done',
  'stage.undone': 'undone',
  'download.believed': 'Its length is believed: it was the same again and again',
  'captions.skipped': 'No captions were set',
  'video.playable': 'Bunny has made the video playable',
  'video.failed': 'Bunny cannot use the video',
  'video.replaced': 'The earlier video is removed, now that the new one can be watched',
  'video.renamed': 'The video has its new title',
  'video.rename-refused': 'Bunny has refused the new title',
  'zoom.trashed': 'Somebody has moved it to Zoom’s trash',
  'zoom.deleted': 'Somebody has deleted it from Zoom',
  'zoom.recovered': 'Somebody has taken it back out of Zoom’s trash',
  'trash.moved': 'Moved to Zoom’s trash: it is home',
  'trash.given-up': 'Could not be moved to Zoom’s trash, and is left there',
};

export function eventWords(type: string, data: Readonly<Record<string, unknown>>): string {
  const words = Object.hasOwn(EVENT_WORDS, type) ? EVENT_WORDS[type as EventType] : type;
  const { stage, not_before } = data;
  if (typeof stage === 'string' && type.startsWith('stage.'))
    return `${STAGE_WORDS[stage] ?? stage} ${words}`;
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
