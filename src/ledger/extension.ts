import type { RawBuilder, Transaction } from 'kysely';
import type { NewRecording, Source } from '../domain/recording.ts';
import type { Database } from './database.ts';
import type { EventType } from './events.ts';
import type { GroupCommit } from './group-commit.ts';
import type { Tables } from './schema.ts';

/** What tables are made with: the database, and the way in which many small changes share one wait for the disk. */
export interface LedgerBase {
  readonly db: Database;
  readonly groupCommit: GroupCommit;
}

/**
 * Tables that a wing keeps in the ledger, and what the ledger has to know of them. Their columns are added to `Tables`, and
 * their events to `EventNames`, where the wing declares them; the migrations that make them stand with all others.
 */
export interface LedgerExtension {
  /** The source whose recordings come with a delay of its own: a time that nobody has named, and that no attempt has met. */
  readonly delays?: Source;
  /**
   * Tables with a row per recording that waits for a time: `recording_id`, `state` (`pending` while it waits),
   * `not_before_ms`, `created_at_ms`. They follow a jump of the wall clock, and go with a recording that is deleted.
   */
  readonly pending?: readonly PendingTable[];
  /** Events that stay in the outline of a recording's history. */
  readonly keptEvents?: readonly EventType[];
  /** What is known of a recording before it comes: the recording as it would be, had both come in their order. */
  beforeAccepting?(trx: Transaction<Tables>, recording: NewRecording): Promise<Foreknown>;
  /** Whether anything is known of it that `beforeAccepting` would look at; `undefined`: of such a recording nothing ever is. */
  isForeknown?(recording: NewRecording): RawBuilder<boolean> | undefined;
}

/** The names of tables that look like one of {@link LedgerExtension.pending}. */
export type PendingTable = {
  [Name in keyof Tables]: Tables[Name] extends {
    recording_id: string;
    state: string;
    not_before_ms: number;
    created_at_ms: number;
  }
    ? Name
    : never;
}[keyof Tables];

export interface Foreknown {
  readonly recording: NewRecording;
  /** What its history says of that; nothing where it changes nothing. */
  readonly event?: { readonly type: EventType; readonly by: string | null };
}

/** All tables with a row per recording that waits for a time, ours and those of wings. */
export function tablesOfPending(extensions: readonly LedgerExtension[]): readonly PendingTable[] {
  return ['watches', ...extensions.flatMap(({ pending = [] }) => pending)];
}
