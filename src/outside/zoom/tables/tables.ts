import type { ZOOM_EVENTS } from './events.ts';

declare module '../../../ledger/schema.ts' {
  interface Tables {
    zoom_ignored: ZoomIgnoredTable;
    zoom_removals: ZoomRemovalsTable;
    zoom_checks: ZoomChecksTable;
    zoom_trash: ZoomTrashTable;
  }
}

declare module '../../../ledger/events.ts' {
  interface EventNames extends Record<keyof typeof ZOOM_EVENTS, true> {}
}

declare module '../../../ledger/alarm-kinds.ts' {
  interface AlarmKinds {
    /** Its webhooks are refused. */
    readonly zoom: true;
  }
}

declare module '../../../ledger/tallies.ts' {
  interface TallyNames {
    zoom_requests: true;
  }
}

/** What Zoom has announced and was left where it is; the newest ones only. */
interface ZoomIgnoredTable {
  /** What makes it the same again. */
  key: string;
  seq: number;
  first_at_ms: number;
  last_at_ms: number;
  times: number;
  account_id: string | null;
  reason: string;
  why: string;
  rule: string | null;
  event: string;
  /** Of the meeting and its file, as JSON. */
  what: string;
  /** Since when somebody wants it brought home after all; it is on its way to that. */
  wanted_at_ms: number | null;
}

/** The last word of Zoom's on files that were removed or are back; the newest ones only. */
interface ZoomRemovalsTable {
  group_key: string;
  /** Empty: all of the meeting. */
  file_id: string;
  seq: number;
  how: string;
  at_ms: number;
  operator: string | null;
}

/** Files of Zoom that are to go to Zoom's trash, a row per recording. */
interface ZoomTrashTable {
  recording_id: string;
  seq: number;
  state: string;
  looks: number;
  last_error: string | null;
  not_before_ms: number;
  created_at_ms: number;
}

/** How the checks at Zoom's door went, a row per minute and outcome; of the last day. */
interface ZoomChecksTable {
  minute: number;
  outcome: string;
  count: number;
  last_at_ms: number;
}
