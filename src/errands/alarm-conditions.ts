import {
  diskLow,
  diskTrouble,
  heldKey,
  hostKey,
  ofHost,
  outputFailed,
  recordingFailed,
  recordingHeld,
  recordingKey,
  serviceDown,
  videoFailed,
  waitingLong,
  websiteGone,
} from '../desk/alarm-words.ts';
import { alarmChangesOf, TROUBLE_KINDS, type Trouble } from '../desk/troubles.ts';
import { isAsset } from '../domain/asset.ts';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import type { ErrorSummary } from '../domain/errors.ts';
import type { Services } from '../domain/services.ts';
import type { AlarmChange } from '../ledger/alarms.ts';
import type { RecordingEvent } from '../ledger/events.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { wallMs } from '../lib/wall-time.ts';

/** When something is an alarm. */
export interface AlarmTerms {
  readonly circuitOpenMs: number;
  readonly waitingMs: number;
}

export interface AlarmConditionsOptions {
  readonly ledger: Pick<Ledger, 'alarms' | 'overview' | 'circuits' | 'switches' | 'hosts'>;
  /** What of our own does not move. */
  readonly troubles: () => Promise<Trouble[]>;
  readonly terms: AlarmTerms;
  /** What is said of those that are down. */
  readonly services: Services;
  readonly diskReserveBytes: number;
  readonly freeBytes: () => Promise<number>;
  /** What has kept anything from being written lately, or would; `undefined` if the disk is well. */
  readonly troubleOfDisk?: () => Promise<ErrorSummary | undefined>;
  /** What wings look at. */
  readonly more?: readonly (() => Promise<AlarmChange[]>)[];
  /** Where announcements go. */
  readonly siteUrl: string;
  readonly now?: () => number;
}

/** How much more than the reserve has to be free until the disk is well again. */
const DISK_MARGIN = 1.05;

/** How many open alarms are looked through for those of services; there is one of a service. */
const MOST_ALARMS = 1000;

/** What is wrong now, and what is not (of several hosts one alone looks at what concerns all of them): each is looked at again and again, and says the same until it changes. */
export function createAlarmConditions(options: AlarmConditionsOptions): () => Promise<AlarmChange[]> {
  const { terms, diskReserveBytes, freeBytes, siteUrl, now = wallMs } = options;
  const { troubleOfDisk = async () => undefined } = options;
  const { alarms, overview, circuits, switches, hosts } = options.ledger;
  const host = hosts.own;

  async function services(): Promise<AlarmChange[]> {
    const failing = await circuits.all();
    const told = (await alarms.open(MOST_ALARMS)).flatMap(({ key }) => /^service:(.+)/.exec(key)?.[1] ?? []);
    const services = new Set([...told, ...failing.map(({ service }) => service)]);
    return [...services].flatMap((service): AlarmChange[] => {
      const circuit = failing.find((each) => each.service === service);
      if (circuit === undefined) return [{ resolve: `service:${service}`, resolution: 'It works again.' }];
      const forMs = now() - (circuit.openedAtMs ?? now());
      const isLong = circuit.openedAtMs !== undefined && forMs >= terms.circuitOpenMs;
      return isLong ? [{ raise: serviceDown(circuit, forMs, options.services) }] : [];
    });
  }

  async function website(): Promise<AlarmChange> {
    const isGone = (await switches.get('site.gone')) === siteUrl;
    return isGone
      ? { raise: websiteGone(siteUrl) }
      : { resolve: 'website', resolution: 'Announcements are sent again.' };
  }

  async function disk(): Promise<AlarmChange[]> {
    const bytes = await freeBytes();
    if (bytes < diskReserveBytes) return [{ raise: ofHost(diskLow(bytes, diskReserveBytes), host) }];
    const trouble = await troubleOfDisk();
    if (trouble !== undefined) return [{ raise: ofHost(diskTrouble(trouble), host) }];
    if (bytes < diskReserveBytes * DISK_MARGIN) return [];
    return [{ resolve: hostKey('disk', host), resolution: 'There is room again.' }];
  }

  async function waiting(): Promise<AlarmChange> {
    const longest = await overview.longestWaiting();
    const forMs = longest === undefined ? 0 : now() - longest.sinceMs;
    if (longest === undefined || forMs < terms.waitingMs) {
      return { resolve: 'waiting', resolution: 'Nothing waits that long any more.' };
    }
    const isPaused = (await switches.get('line.paused')) !== undefined;
    return { raise: waitingLong(longest.recording, forMs, isPaused) };
  }

  async function own(isFirst: boolean): Promise<AlarmChange[]> {
    return alarmChangesOf(await options.troubles(), await alarms.openKeys(TROUBLE_KINDS), { host, isFirst });
  }

  return async () => {
    const isFirst = await hosts.isFirst();
    const ofThisHost = [...(await own(isFirst)), ...(await disk())];
    if (!isFirst) return ofThisHost;
    return [
      ofThisHost,
      await services(),
      [await website()],
      [await waiting()],
      ...(await Promise.all((options.more ?? []).map((look) => look()))),
    ].flat();
  };
}

/** What a recording waits for at which nothing but a person can help. */
const HELD: readonly ErrorCode[] = [
  'CHECKPOINT_UNREADABLE',
  'STORE_MISSING',
  'TASK_MISSING',
  'PUBLISHER_MISSING',
  'OUTPUT_PLACE_MISSING',
];

/** What a file has not that an output would show is no trouble: sound has no poster. */
const LACKED: readonly ErrorCode[] = ['STREAM_MISSING'];

/** How an alarm about a recording ends, by what happens to it. */
const RESOLUTIONS: Partial<Readonly<Record<RecordingEvent['type'], string>>> = {
  'recording.retried': 'It was told to go on.',
  'recording.revived': 'It was handed in again.',
  'recording.set-aside': 'It was set aside.',
  'withdrawal.started': 'It is being taken back.',
  'recording.cancelled': 'It was cancelled.',
  'deletion.started': 'It was deleted.',
  'publish-again.done': 'It was published again.',
  'publish-again.given-up': 'Its earlier video stays.',
  'recording.done': 'It is done.',
  'outputs.settled': 'It is done.',
};

/** What an event of the history changes about alarms. */
export async function changesBy(
  { type, recordingId, data }: RecordingEvent,
  recordings: Ledger['recordings'],
): Promise<AlarmChange[]> {
  const resolution = RESOLUTIONS[type];
  if (resolution !== undefined) {
    return [recordingKey, heldKey].map((keyOf) => ({ resolve: keyOf(recordingId), resolution }));
  }
  const isLost = type === 'output.failed' && !LACKED.includes(data['code'] as ErrorCode);
  const isHeld = type === 'attempt.postponed' && HELD.includes(data['code'] as ErrorCode);
  if (type !== 'recording.failed' && type !== 'video.failed' && !isHeld && !isLost) return [];
  const recording = await recordings.get(recordingId);
  // Of what only lies there a list says whether it can be read.
  if (recording === undefined || isAsset(recording)) return [];
  if (isLost) return [{ raise: outputFailed(recording, String(data['stage']), data as never) }];
  if (isHeld) return [{ raise: recordingHeld(recording, data as never) }];
  if (type === 'video.failed') return [{ raise: videoFailed(recording) }];
  const ended = { resolve: heldKey(recordingId), resolution: 'It has failed.' };
  return [ended, { raise: recordingFailed(recording, data as never) }];
}
