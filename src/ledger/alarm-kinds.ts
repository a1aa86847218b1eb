/**
 * - `recording`: one has failed, or waits for a person
 * - `video`: its publisher could not encode one; there is nothing that would resolve it, so it is only told
 * - `service`: one is down for long; `website`: it wants to hear no more
 * - `disk`: there is less free than is to stay free
 * - `waiting`: one has waited for long
 * - `host`: one of several is not heard of
 * - `process`: one of Sluice's own is not heard of; `redis`: it is away, or takes no writes
 * - `standstill`: a recording whose turn it is does not begin, or one that moves gets no further
 * - `announcements`: some were given up
 */
export const ALARM_KINDS = [
  'recording',
  'video',
  'service',
  'website',
  'disk',
  'waiting',
  'host',
  'process',
  'redis',
  'standstill',
  'announcements',
] as const;

/** The kinds of alarms, to which wings add their own. */
export interface AlarmKinds extends Readonly<Record<(typeof ALARM_KINDS)[number], true>> {}

export type AlarmKind = keyof AlarmKinds;
