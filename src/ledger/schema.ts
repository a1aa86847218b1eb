/** Times are milliseconds since 1970, UTC; JSON is text. Every type is one that SQLite and Postgres both take. */
export interface Tables {
  recordings: RecordingsTable;
  stages: StagesTable;
  events: EventsTable;
  deliveries: DeliveriesTable;
  gate: GateTable;
}

interface RecordingsTable {
  id: string;
  seq: number;
  source: string;
  natural_key: string;
  ace_id: string | null;
  title: string;
  state: string;
  origin: string;
  details: string;
  failed_attempts: number;
  last_error: string | null;
  not_before_ms: number;
  accepted_at_ms: number;
  started_at_ms: number | null;
  ended_at_ms: number | null;
}

/** What a recording has proved (`fact`) and what it resumes from (`checkpoint`), a row per stage. */
interface StagesTable {
  recording_id: string;
  stage: string;
  checkpoint: string | null;
  fact: string | null;
  started_at_ms: number | null;
  done_at_ms: number | null;
}

/** Append-only. */
interface EventsTable {
  seq: number;
  recording_id: string;
  at_ms: number;
  type: string;
  data: string;
}

interface DeliveriesTable {
  id: string;
  seq: number;
  recording_id: string;
  type: string;
  body: string;
  state: string;
  attempts: number;
  last_error: string | null;
  not_before_ms: number;
  created_at_ms: number;
  ended_at_ms: number | null;
}

/** One row: who may move a recording at this moment. `fence` rises each time it changes hands. */
interface GateTable {
  id: number;
  holder: string | null;
  recording_id: string | null;
  fence: number;
  expires_at_ms: number;
}
