import { causeOf } from '../domain/cause.ts';
import type { Delivery } from '../domain/delivery.ts';
import { adviceFor, canRetryHelp } from '../domain/error-catalogue.ts';
import type { ErrorSummary } from '../domain/errors.ts';
import type { Recording } from '../domain/recording.ts';
import type { Services } from '../domain/services.ts';
import type { Alarm, AlarmNews, NewAlarm } from '../ledger/alarms.ts';
import type { Circuit } from '../ledger/circuits.ts';
import { byteSize } from '../lib/byte-size.ts';
import { durationText } from '../lib/duration-text.ts';
import type { RedisState } from '../queue/redis-probe.ts';
import type { AppVital, HostVital, Standstill } from './vitals.ts';

/* What people are told of alarms, in plain words: what is wrong, and what to do. */

/** How many alarms a message spells out, of each kind of news. */
const MAX_LISTED = 10;
const MAX_TITLE = 120;

export function recordingFailed(recording: Recording, error: ErrorSummary): NewAlarm {
  return {
    key: recordingKey(recording.id),
    kind: 'recording',
    cause: causeOf(error),
    recordingId: recording.id,
    title: `${named(recording)} has failed`,
    detail: `${error.code}: ${error.message}`,
    advice: `${adviceFor(error.code, 'failed')} ${canRetryHelp(error.code) ? 'If nobody needs it, cancel it.' : 'Then cancel this one: trying it again cannot help.'}`,
  };
}

export function recordingKey(id: string): string {
  return `recording:${id}`;
}

/** One of its outputs cannot be made; the rest of it goes on. */
export function outputFailed(recording: Recording, step: string, error: ErrorSummary): NewAlarm {
  return {
    key: `output:${recording.id}:${step}`,
    kind: 'recording',
    cause: causeOf(error),
    recordingId: recording.id,
    title: `${step} of ${named(recording)} could not be made`,
    detail: `${error.code}: ${error.message}. Its other outputs are not concerned.`,
    advice: `${adviceFor(error.code, 'failed')} It can be made again from the recording's page.`,
    isNotice: true,
  };
}

/** One that waits, and does not go on without a person. */
export function recordingHeld(recording: Recording, error: ErrorSummary): NewAlarm {
  return {
    key: heldKey(recording.id),
    kind: 'recording',
    recordingId: recording.id,
    title: `${named(recording)} waits until somebody has seen to it`,
    detail: `${error.code}: ${error.message}`,
    advice: adviceFor(error.code, 'goes-on'),
  };
}

export function heldKey(id: string): string {
  return `held:${id}`;
}

export function videoFailed(recording: Recording): NewAlarm {
  return {
    key: `video:${recording.id}`,
    kind: 'video',
    recordingId: recording.id,
    title: `${named(recording)} could not be made playable`,
    detail:
      'Its publisher cannot use the video. It is archived, and the website was told that it cannot be watched.',
    advice: adviceFor('PUBLISH_FAILED', 'failed'),
    isNotice: true,
  };
}

export function serviceDown({ service, lastError }: Circuit, forMs: number, services: Services): NewAlarm {
  return {
    key: `service:${service}`,
    kind: 'service',
    title: `${services.nameOf(service)} has been down for ${durationText(forMs)}`,
    detail: `${lastError.code}: ${lastError.message}`,
    advice: `${services.adviceFor(service, lastError.code)} Recordings wait meanwhile, lose no attempt, and go on once it works.`,
  };
}

export function websiteGone(url: string): NewAlarm {
  return {
    key: 'website',
    kind: 'website',
    title: 'The website wants to hear no more: it has answered 410',
    detail: `No announcement is sent to ${new URL(url).host} any more; they are kept.`,
    advice: adviceFor('SITE_GONE', 'goes-on'),
  };
}

export function diskLow(freeBytes: number, reserveBytes: number): NewAlarm {
  return {
    key: 'disk',
    kind: 'disk',
    title: `Only ${byteSize(freeBytes)} are free on the disk of recordings`,
    detail: `${byteSize(reserveBytes)} are to stay free. Downloads and uploads wait until they are.`,
    advice: adviceFor('DISK_FULL', 'goes-on'),
  };
}

/** What of several hosts is wrong with one, and may be so with others too. */
export function ofHost(alarm: NewAlarm, host: string | undefined): NewAlarm {
  return host === undefined
    ? alarm
    : { ...alarm, key: hostKey(alarm.key, host), title: `Host ${host}: ${alarm.title}` };
}

export function hostKey(key: string, host: string | undefined): string {
  return host === undefined ? key : `${key}@${host}`;
}

/** Of which host an alarm is; `undefined`: of all of them. */
export function hostOfKey(key: string): string | undefined {
  return /@([a-z0-9-]+)$/.exec(key)?.[1];
}

export function hostSilent({ host, silentMs }: HostVital): NewAlarm {
  const { id, bound, uploads } = host;
  const waiting = [
    bound > 0 && `${bound} ${bound === 1 ? 'recording' : 'recordings'}`,
    uploads > 0 && `${uploads} ${uploads === 1 ? 'upload' : 'uploads'} that had not arrived as a whole`,
  ].filter((each) => each !== false);
  const held =
    waiting.length === 0
      ? 'Nothing lies on its disk alone'
      : `${waiting.join(' and ')} ${bound + uploads === 1 ? 'lies' : 'lie'} on its disk alone, and ${bound + uploads === 1 ? 'waits' : 'wait'} for it`;
  return {
    key: `host:${id}`,
    kind: 'host',
    title: `Host ${id} has been silent for ${durationText(silentMs)}`,
    detail: `Its worker gives no sign of life. ${held}; all else is gone on with by the others.`,
    advice: `See that the machine runs, and Sluice on it, and that it reaches the database. If it will never come back: sluice hosts forget ${id}.`,
  };
}

/** The disk takes nothing, whatever the count of free bytes says. */
export function diskTrouble({ code, message }: ErrorSummary): NewAlarm {
  return {
    key: 'disk',
    kind: 'disk',
    title:
      code === 'DISK_FULL' ? 'The disk of recordings has no room' : 'The disk of recordings cannot be used',
    detail: `${message}. Downloads and uploads wait until that is over.`,
    advice: adviceFor(code, 'goes-on'),
  };
}

export function waitingLong(recording: Recording, forMs: number, isPaused: boolean): NewAlarm {
  const { lastError } = recording;
  return {
    key: 'waiting',
    kind: 'waiting',
    recordingId: recording.id,
    title: `${named(recording)} has waited for ${durationText(forMs)}`,
    detail: isPaused
      ? 'The line is paused.'
      : lastError === null
        ? 'It has met no error; others go before it, or no worker runs.'
        : `${lastError.code}: ${lastError.message}`,
    advice: isPaused
      ? 'Resume the line.'
      : lastError === null
        ? 'Look whether the worker runs (npx pm2 list) and what moves now.'
        : adviceFor(lastError.code, 'goes-on'),
  };
}

/** What each process is for, and so what does not happen without it. */
const WITHOUT = {
  worker: 'Nothing moves without it, and nothing is announced; what comes in is kept.',
  tus: 'Tutors cannot upload without it.',
  pipeline: 'Nothing comes in without it: no webhook, no finished upload, no file of this server.',
} as const;

const APP_NAMES = { worker: 'The worker', tus: 'The upload server (tus)', pipeline: 'The pipeline' } as const;

export function processSilent({ app, state, silentMs }: AppVital): NewAlarm {
  return {
    key: `process:${app}`,
    kind: 'process',
    title:
      state === 'unheard'
        ? `${APP_NAMES[app]} has not been heard of yet`
        : `${APP_NAMES[app]} has not been heard of for ${durationText(silentMs)}`,
    detail: WITHOUT[app],
    advice: `Look whether it runs (npx pm2 list) and at the end of DATA_DIR/logs/${app}-error.log and ${app}-out.log; then npx pm2 restart ${app}.`,
  };
}

export function redisTrouble({ why, advice }: RedisState): NewAlarm {
  return {
    key: 'redis',
    kind: 'redis',
    title: `Redis ${why ?? 'takes no writes'}`,
    detail: 'What comes in is kept, and moves once Redis takes writes again.',
    advice: advice ?? 'Look at its log.',
  };
}

export function redisEvicts({ why, advice }: RedisState): NewAlarm {
  return {
    key: 'redis:evicts',
    kind: 'redis',
    title: `Redis ${why ?? 'throws keys away'}`,
    detail: 'What the line loses is found again within half a minute.',
    advice: advice ?? 'Set maxmemory-policy to noeviction.',
  };
}

export function standsStill({ recording, kind, forMs }: Standstill): NewAlarm {
  return {
    key: 'standstill',
    kind: 'standstill',
    recordingId: recording.id,
    title:
      kind === 'moving'
        ? `${named(recording)} has got no further for ${durationText(forMs)}`
        : `${named(recording)} has been due for ${durationText(forMs)}, and nothing begins to move`,
    detail:
      kind === 'moving'
        ? 'It is moving, and neither its bytes nor its stages have gone on. All others wait behind it.'
        : 'The line is not paused, and no recording has had its turn meanwhile.',
    advice:
      'Look at the end of DATA_DIR/logs/worker-out.log, then npx pm2 restart worker: it goes on where it stopped.',
  };
}

export function announcementsGivenUp(count: number, last: Delivery | undefined): NewAlarm {
  const why = last?.lastError ? `${last.lastError.code}: ${last.lastError.message}. ` : '';
  return {
    key: 'announcements',
    kind: 'announcements',
    ...(last === undefined ? {} : { recordingId: last.recordingId }),
    title: `${plural(count, 'announcement')} to the website ${count === 1 ? 'was' : 'were'} given up`,
    detail: `${why}The website has not heard of ${count === 1 ? 'it' : 'them'}, and is not told again by itself.`,
    advice: 'See that the website takes announcements (sluice doctor), then: sluice replay --given-up.',
  };
}

export function ledgerUnwritable(error: Error) {
  return {
    key: 'ledger',
    kind: 'ledger' as const,
    title: 'The ledger cannot be written',
    detail: error.message,
    advice: 'Nothing can come in or move: see that the disk of DATA_DIR has room and is writable.',
  };
}

/** One message about all that is new; recordings that have failed for one cause are one piece of news. */
export function writeMessage(
  { raised, resolved, knownCauses }: AlarmNews,
  dashboardUrl: string | undefined,
): { subject: string; body: string } {
  const news = [
    ...grouped(raised, ({ cause }) => cause).map((group) => ({
      title: raisedTitle(group, knownCauses),
      text: describeRaised(group, knownCauses, dashboardUrl),
    })),
    ...grouped(resolved, ({ cause, resolution }) => cause && `${cause} ${resolution}`).map((group) => ({
      title: `Resolved: ${resolvedTitle(group)}`,
      text: `RESOLVED: ${resolvedTitle(group)}\n  ${listed(group)}${group[0].resolution}`,
    })),
  ];
  const counts = [
    plural(raised.length, 'alarm'),
    resolved.length === 0 ? '' : `${resolved.length} resolved`,
  ].filter(Boolean);
  const subject = news.length === 1 ? news[0]?.title : counts.join(', ');
  const told = news.slice(0, MAX_LISTED).map(({ text }) => text);
  const more = news.length - told.length;
  const blocks = [
    ...told,
    ...(more > 0 ? [`... and ${more} more of these`] : []),
    ...(dashboardUrl === undefined ? [] : [dashboardUrl]),
  ];
  return { subject: `Sluice: ${subject}`, body: blocks.join('\n\n') };
}

/** Alarms that are told together: those that have something in common, each of the others by itself. */
type Group = readonly [Alarm, ...Alarm[]];

function grouped(alarms: readonly Alarm[], commonOf: (alarm: Alarm) => string | null): Group[] {
  const groups = new Map<string, [Alarm, ...Alarm[]]>();
  for (const alarm of alarms) {
    const name = commonOf(alarm) ?? `one: ${alarm.id}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [alarm]);
    else group.push(alarm);
  }
  return [...groups.values()];
}

function raisedTitle([first, ...others]: Group, knownCauses: ReadonlySet<string>): string {
  const isKnown = first.cause !== null && knownCauses.has(first.cause);
  if (others.length === 0) return isKnown ? `${first.title} for the same cause` : first.title;
  return `${others.length + 1} ${isKnown ? 'more ' : ''}recordings have failed for ${isKnown ? 'the same' : 'one'} cause`;
}

function resolvedTitle([first, ...others]: Group): string {
  return others.length === 0 ? first.title : `${others.length + 1} recordings that had failed for one cause`;
}

function describeRaised(
  group: Group,
  knownCauses: ReadonlySet<string>,
  dashboardUrl: string | undefined,
): string {
  const [{ detail, advice, recordingId, raisedAtMs }, ...others] = group;
  const at = new Date(raisedAtMs).toISOString().replace('T', ' ').slice(0, 16);
  const page =
    recordingId === null
      ? undefined
      : others.length === 0
        ? `/recordings/${encodeURIComponent(recordingId)}`
        : '/recordings?state=failed';
  return [
    `ALARM: ${raisedTitle(group, knownCauses)}`,
    `  ${listed(group)}${detail}`,
    `  What to do: ${advice}`,
    `  ${recordingId === null || others.length > 0 ? '' : `${recordingId}, `}${at} UTC`,
    ...(dashboardUrl === undefined || page === undefined ? [] : [`  ${dashboardUrl}${page}`]),
  ].join('\n');
}

/** Which ones they are, where there are several: each on a line of its own. */
function listed(group: Group): string {
  if (group.length === 1) return '';
  const shown = group.slice(0, MAX_LISTED).map(({ title, recordingId }) => `- ${title} (${recordingId})`);
  const more = group.length - shown.length;
  const lines = [...shown, ...(more > 0 ? [`... and ${more} more of these`] : [])];
  return `${lines.join('\n  ')}\n  `;
}

/** A title comes from anywhere: one line of it, and not too much. */
function named({ title }: Recording): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const line = title.replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ').trim();
  return `"${line.length > MAX_TITLE ? `${line.slice(0, MAX_TITLE)}...` : line}"`;
}

function plural(count: number, noun: string): string {
  if (count === 0) return '';
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
