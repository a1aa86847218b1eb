import type { Source } from '../domain/recording.ts';
import type { Services } from '../domain/services.ts';
import type { AlarmKind } from '../ledger/alarm-kinds.ts';
import type { EventType } from '../ledger/events.ts';

/** What people call what there is, wings included: whoever builds a process hands it over. */
export interface Words {
  readonly services: Services;
  /** What has happened, by the name of the event. */
  readonly events: Readonly<Record<EventType, string>>;
  /** Where recordings come from. */
  readonly sources: Readonly<Record<Source, string>>;
  readonly alarmKinds: readonly [AlarmKind, ...AlarmKind[]];
}
