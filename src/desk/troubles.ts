import type { Delivery } from '../domain/delivery.ts';
import type { AlarmKind } from '../ledger/alarm-kinds.ts';
import type { AlarmChange, NewAlarm } from '../ledger/alarms.ts';
import {
  announcementsGivenUp,
  hostOfKey,
  hostSilent,
  ledgerUnwritable,
  ofHost,
  processSilent,
  redisEvicts,
  redisTrouble,
  standsStill,
} from './alarm-words.ts';
import type { Vitals, VitalTerms } from './vitals.ts';

/** Something of ours that does not move, in words. */
export interface Trouble extends Omit<NewAlarm, 'kind' | 'isNotice'> {
  readonly kind: AlarmKind | 'ledger';
  /** Whether recordings cannot come in or move because of it. */
  readonly isBlocking: boolean;
  /** Whether it has lasted long enough to be an alarm: a restart of a process, or of Redis, is none. */
  readonly isAlarm: boolean;
}

/** The kinds of alarm that are looked for here; what is open of them and not found again is over. */
export const TROUBLE_KINDS = ['host', 'process', 'redis', 'standstill', 'announcements'] as const;

/** Those of them that each host has of its own. */
const KINDS_OF_ONE: readonly string[] = ['process', 'redis'];

const RESOLUTIONS: Readonly<Record<(typeof TROUBLE_KINDS)[number], string>> = {
  host: 'It is heard of again.',
  process: 'It is heard of again.',
  redis: 'It takes writes again.',
  standstill: 'The line moves again.',
  announcements: 'They were sent again.',
};

/**
 * What is wrong by these vitals, the worst first. What is not known to be well is not left out.
 *
 * @param host Which of several hosts has looked; unset: there is one alone
 */
export function troublesOf(
  vitals: Vitals,
  { silentAfterMs }: Pick<VitalTerms, 'silentAfterMs'>,
  lastGivenUp: Delivery | undefined,
  host?: string,
): Trouble[] {
  const { apps, hosts, redis, ledgerTrouble, standstill, givenUp } = vitals;
  const troubles: Trouble[] = [];
  const found = (alarm: NewAlarm, more: { isBlocking?: boolean; isAlarm?: boolean } = {}) =>
    troubles.push({
      ...ofHost(alarm, KINDS_OF_ONE.includes(alarm.kind) ? host : undefined),
      isBlocking: more.isBlocking ?? false,
      isAlarm: more.isAlarm ?? true,
    });

  if (ledgerTrouble !== undefined) {
    troubles.push({ ...ledgerUnwritable(ledgerTrouble), isBlocking: true, isAlarm: false });
  }
  for (const vital of apps) {
    // One that was never heard of may be left out of an installation; the worker may not.
    const isMissed = vital.state === 'silent' || (vital.state === 'unheard' && vital.app === 'worker');
    if (!isMissed) continue;
    found(processSilent(vital), { isBlocking: true, isAlarm: vital.watchedMs >= silentAfterMs });
  }
  if (redis.state !== 'ok') {
    found(redisTrouble(redis), { isBlocking: true, isAlarm: redis.watchedMs >= silentAfterMs });
  } else if (redis.why !== undefined) {
    found(redisEvicts(redis), { isAlarm: true });
  }
  for (const vital of hosts) if (vital.state === 'silent') found(hostSilent(vital));
  if (standstill !== undefined) found(standsStill(standstill), { isBlocking: true });
  if (givenUp > 0) found(announcementsGivenUp(givenUp, lastGivenUp));
  return troubles;
}

/**
 * What this changes about alarms, beside those of these kinds that are open.
 *
 * @param of.host Which of several hosts has looked
 * @param of.isFirst Whether it is the one that sees to what concerns all of them
 */
export function alarmChangesOf(
  troubles: readonly Trouble[],
  openKeys: readonly string[],
  { host, isFirst }: { readonly host: string | undefined; readonly isFirst: boolean },
): AlarmChange[] {
  const isMine = (key: string) => {
    const of = hostOfKey(key);
    return of === undefined ? isFirst : of === host;
  };
  const present = new Set(troubles.map(({ key }) => key));
  const raises = troubles.flatMap(({ kind, isAlarm, isBlocking: _, ...alarm }): AlarmChange[] =>
    isAlarm && kind !== 'ledger' && isMine(alarm.key) ? [{ raise: { ...alarm, kind } }] : [],
  );
  const resolves = openKeys
    .filter((key) => !present.has(key) && isMine(key))
    .map((key): AlarmChange => {
      const kind = TROUBLE_KINDS.find((each) => key === each || key.startsWith(`${each}:`)) ?? 'standstill';
      return { resolve: key, resolution: RESOLUTIONS[kind] };
    });
  return [...raises, ...resolves];
}
