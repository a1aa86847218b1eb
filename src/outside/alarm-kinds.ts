import { ALARM_KINDS } from '../ledger/alarm-kinds.ts';
import { ZOOM_ALARM_KINDS } from './zoom/alarm.ts';

/** Every kind of alarm, those of wings included. */
export const ALL_ALARM_KINDS = [...ALARM_KINDS, ...ZOOM_ALARM_KINDS] as const;
