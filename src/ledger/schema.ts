import type { Generated } from 'kysely';
/** Times are milliseconds since 1970, UTC; JSON is text. Every type is one that SQLite and Postgres both take. */
export interface Tables {
  recordings: RecordingsTable;
  stages: StagesTable;
  claims: ClaimsTable;
  plans: PlansTable;
  presets: PresetsTable;
  handed_over: HandedOverTable;
  remote_workers: RemoteWorkersTable;
  worker_invitations: WorkerInvitationsTable;
  assets: AssetsTable;
  events: EventsTable;
  deliveries: DeliveriesTable;
  watches: WatchesTable;
  circuits: CircuitsTable;
  doubts: DoubtsTable;
  switches: SwitchesTable;
  gate: GateTable;
  clock: ClockTable;
  tallies: TalliesTable;
  positions: PositionsTable;
  alarms: AlarmsTable;
  alarm_messages: AlarmMessagesTable;
  renames: RenamesTable;
  delivery_attempts: DeliveryAttemptsTable;
  late_looks: LateLooksTable;
  heartbeats: HeartbeatsTable;
  access_tokens: AccessTokensTable;
  audit: AuditTable;
  counters: CountersTable;
  hosts: HostsTable;
  locks: LocksTable;
  ended_sessions: EndedSessionsTable;
}

interface RecordingsTable {
  id: string;
  seq: number;
  source: string;
  kind: string;
  natural_key: string;
  group_key: string | null;
  ace_id: string | null;
  title: string;
  state: string;
  origin: string;
  placement: string | null;
  details: string;
  /** JSON. */
  metadata: string | null;
  failed_attempts: number;
  open_starts: number;
  last_error: string | null;
  not_before_ms: number;
  accepted_at_ms: number;
  started_at_ms: number | null;
  ended_at_ms: number | null;
  place: number;
  wanted: string | null;
  /** What a door has brought while it was being cancelled: how it begins anew after that. */
  renewal: string | null;
  bytes: number | null;
  /** 1: an operator has given it its title, which no door changes any more. */
  is_renamed: number | null;
  /** JSON; videos that were published before, and go once the present one can be watched. */
  earlier_videos: string | null;
  /** JSON; what the stages had proved that are gone through again because it is published again. */
  kept_stages: string | null;
  /** What searches look through: lower case, a line per field. */
  search: string;
  /** The way that it goes, as it was planned when it was accepted. None: the one that all of its kind went then. */
  plan_key: string | null;
  /** In which it waits or moves; none: the lane in which all begin. */
  lane: string | null;
  /** The recording that this is a further run of. */
  run_of: string | null;
  /** What whoever has asked for the run calls it. */
  reference: string | null;
  /** Where they want to hear of it. */
  webhook_url: string | null;
  /** 1: it was done, and goes on for the sake of an output that is made anew. */
  is_reopened: number | null;
  /** The host on whose disk its bytes lie, or will; none: on none yet. */
  host: string | null;
  /** The host that it came to as a file; none: it came by an address. */
  origin_host: string | null;
  /** 1: its bytes are on one host and nowhere else. */
  is_bound: number | null;
}

/** What a recording has proved (`fact`) and what it resumes from (`checkpoint`), a row per step. */
interface StagesTable {
  recording_id: string;
  /** The step's id in its recipe. */
  stage: string;
  /** What kind of work it is. */
  task: string | null;
  checkpoint: string | null;
  fact: string | null;
  started_at_ms: number | null;
  done_at_ms: number | null;
  /** The service in which it has made something, or may have; none as long as it has said nothing of it. */
  service: string | null;
  /** 1: once begun it can no longer be stopped. */
  is_final: Generated<number>;
  /** 1: it is gone through once more when its recording is published again. */
  is_again: Generated<number>;
  /** 1: bytes move in it. */
  moves_bytes: Generated<number>;
  /** 1: it ends by itself, whatever becomes of its recording. */
  is_output: Generated<number>;
  /** Of such a step: how often it has failed. */
  failed_attempts: Generated<number>;
  /** As what it ends without being done; none: it is done, or still to be. */
  ending: string | null;
  /** JSON; what it has met last. */
  error: string | null;
  /** When it ended so, all that it had made being taken back. */
  ended_at_ms: number | null;
}

/** What steps have made outside: whose it is, by the service and its name there. */
interface ClaimsTable {
  service: string;
  ref: string;
  recording_id: string;
  stage: string;
}

/** The ways that recordings go, as JSON. */
interface PlansTable {
  key: string;
  plan: string;
}

/** Presets of operators; `params` is JSON. */
export interface PresetsTable {
  name: string;
  version: number;
  task: string;
  params: string;
  description: string;
  changed_at_ms: number;
  changed_by: string;
  /** It is no more, but its versions are not given again. */
  removed_at_ms: number | null;
}

/** Steps that were handed over to programs elsewhere, a row per job. */
export interface HandedOverTable {
  id: string;
  recording_id: string;
  step: string;
  state: string;
  has_begun: number;
  ref: string | null;
  token_hash: string;
  files_hash: string;
  /** `HandedFiles` */
  files: string;
  heard_count: number;
  done_s: number;
  total_s: number;
  /** What was made, or why it has failed. */
  end: string | null;
  created_at_ms: number;
  /** Of one that waits until a worker takes it, or was taken by one: the task; none of all others. */
  task: string | null;
  /** `OfferedJob` */
  offer: string | null;
  /** The worker that has it. */
  taken_by: string | null;
}

/** Workers elsewhere that come for their work. */
interface RemoteWorkersTable {
  id: string;
  name: string;
  /** In lower case. */
  name_key: string;
  /** SHA-256 of its key, in hex. */
  digest: string;
  /** JSON; the tasks that it can do. */
  tasks: string;
  version: string;
  machine: string;
  state: string;
  registered_at_ms: number;
  seen_at_ms: number;
}

/** What opens the door to a worker once. */
interface WorkerInvitationsTable {
  /** SHA-256 of it, in hex. */
  digest: string;
  created_by: string;
  created_at_ms: number;
  expires_at_ms: number;
}

/** Files below MEDIA_IN that are known by their place there, a row per recording of one. */
interface AssetsTable {
  recording_id: string;
  /** The recording's number: the order of lists. */
  seq: number;
  /** How the file was when it was registered: its length, and its time or what its bucket tells its bytes by. */
  bytes: number;
  mark: string;
  /** A digest of its place without the ending. */
  stem_key: string;
  comments: Generated<string>;
}

/** The last sign of life of each process; `moved` rises with what it has moved of recordings. */
interface HeartbeatsTable {
  /** `worker`; where there may be several hosts `worker@` and the host's name. */
  app: string;
  pid: number;
  version: string;
  beats: number;
  moved: number;
  at_ms: number;
  /** Open at that moment; `null`: it does not tell. */
  connections: number | null;
}

/** The machines that keep this ledger; one that was forgotten has no row. */
interface HostsTable {
  id: string;
  /** Tells a host from another that is called the same; a secret of nobody. */
  key: string;
  /** The start of the machine that it was last seen on. */
  machine: string;
  /** Where its tus server is for the other hosts. */
  address: string | null;
  version: string;
  beats: Generated<number>;
  seen_at_ms: number;
  free_bytes: number | null;
  total_bytes: number | null;
  /** Of tutors that have not arrived as a whole, and what they are to have in all. */
  uploads: Generated<number>;
  upload_bytes: Generated<number>;
}

/** What somebody is at, on whatever host, until it is given back or its time is over. */
interface LocksTable {
  name: string;
  holder: string;
  until_ms: number;
}

/** Sessions of operators that have ended before their time, by their digests. */
interface EndedSessionsTable {
  digest: string;
  ends_at_ms: number;
}

/** Tokens with a name; one that is not revoked per `name_key`. */
export interface AccessTokensTable {
  id: number;
  name: string;
  name_key: string;
  role: string;
  /** Of the token, which itself is kept nowhere. */
  digest: string;
  created_at_ms: number;
  created_by: string;
  expires_at_ms: number | null;
  last_used_at_ms: number | null;
  revoked_at_ms: number | null;
  revoked_by: string | null;
}

/** Who has done what. What happens often has a `merge_key`, and is counted. */
interface AuditTable {
  seq: number;
  merge_key: string | null;
  at_ms: number;
  last_at_ms: number;
  times: number;
  who: string | null;
  who_key: string | null;
  role: string | null;
  way: string | null;
  session: string | null;
  caller: string;
  act: string;
  subject: string | null;
  outcome: string;
  status: number | null;
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
  /** The address of a run that it goes to; none: the website. */
  url: string | null;
  /** What makes it the same announcement: its type, and for a repeatable type the occasion. */
  occasion: string;
  type: string;
  body: string;
  state: string;
  attempts: number;
  last_error: string | null;
  not_before_ms: number;
  created_at_ms: number;
  ended_at_ms: number | null;
}

/** Published videos and what has become of them with their publisher. */
interface WatchesTable {
  video_id: string;
  seq: number;
  recording_id: string;
  state: string;
  polls: number;
  missing_looks: Generated<number>;
  missing_since_ms: Generated<number>;
  not_before_ms: number;
  created_at_ms: number;
}

/** A row per service that has failed since it last did well. */
interface CircuitsTable {
  service: string;
  failures: number;
  open_until_ms: number;
  last_error: string;
  /** When it opened; it has not done well since. */
  opened_at_ms: number | null;
}

/** A row per recording that a service has failed without saying that it is down. */
interface DoubtsTable {
  service: string;
  recording_id: string;
  /** When it last did, and when it first did since it was last served. */
  at_ms: number;
  since_ms: Generated<number>;
  /** 1: the service has done well by another recording since, so the trouble is this one's. */
  is_own: number;
}

/** What an operator has switched, or an answer of 410 has. */
interface SwitchesTable {
  name: string;
  value: string;
  set_at_ms: number;
}

/** A row per slot of a lane: who may move a recording in it at this moment. `fence` rises, over all of them, with each change of hands. */
interface GateTable {
  id: number;
  lane: string;
  holder: string | null;
  recording_id: string | null;
  fence: number;
  /** For people; 0 once it is released. */
  expires_at_ms: number;
  /** The steady clock by which it ends, and when; see `SteadyClock`. */
  clock_id: string;
  expires_steady_ms: number;
  /** How long it lasts without being renewed. */
  lease_ms: number;
}

/** One row: how the wall clock stands to a steady one. */
interface ClockTable {
  id: number;
  clock_id: string;
  /** The wall clock's time when the steady one was at 0. */
  offset_ms: number;
  /** When it was last looked, by the wall clock. */
  seen_at_ms: number;
  /** When it was last found to have jumped, by the steady one. */
  moved_steady_ms: number | null;
}

/** How each attempt at an announcement went; of each announcement the last ones. */
interface DeliveryAttemptsTable {
  delivery_id: string;
  at_ms: number;
  took_ms: number;
  /** `null`: there was no answer. */
  status: number | null;
  /** The beginning of the answer. */
  answer: string | null;
  error: string | null;
}

/** Titles that publishers are to hear of, a row per recording. */
interface RenamesTable {
  recording_id: string;
  looks: number;
  not_before_ms: number;
}

/** What was asked of a service and may still take effect, a row per recording, service and place. */
interface LateLooksTable {
  recording_id: string;
  service: string;
  /** Where it would be found, in the words of whoever looks: a file name, a title. */
  place: string;
  /** How often something was asked for that has not been answered beyond doubt. */
  asked: number;
  looks: number;
  not_before_ms: number;
}

/** Totals since the beginning; `labels` is JSON. */
interface TalliesTable {
  name: string;
  labels: string;
  value: number;
}

/** Up to which event somebody who follows the history has read it. */
interface PositionsTable {
  reader: string;
  seq: number;
}

/** What people are told of; at most one of a key is open. */
interface AlarmsTable {
  id: number;
  key: string;
  kind: string;
  recording_id: string | null;
  title: string;
  detail: string;
  advice: string;
  raised_at_ms: number;
  resolved_at_ms: number | null;
  resolution: string | null;
  is_raise_told: number;
  cause: string | null;
  told_at_ms: number | null;
  is_resolve_told: number;
}

/** What is still to be sent of that, and what was; the words are frozen. */
interface AlarmMessagesTable {
  id: number;
  channel: string;
  subject: string;
  body: string;
  state: string;
  attempts: number;
  last_error: string | null;
  not_before_ms: number;
  created_at_ms: number;
}

interface CountersTable {
  /** The table whose rows it numbers. */
  name: string;
  /** The number that was given last. */
  n: number;
}
