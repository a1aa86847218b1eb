import { sql } from 'kysely';
import type { Checkpoints } from '../domain/checkpoints.ts';
import { type Facts, MOVABLE_STATES, type Recording } from '../domain/recording.ts';
import type { Database } from './database.ts';
import { type Recordings, readCheckpoint } from './recordings.ts';
import { forgetOldTokens } from './tokens.ts';

/** A recording that has to do with something outside of the ledger, and what it has recorded of it. */
export interface Claim {
  readonly recording: Recording;
  readonly facts: Partial<Facts>;
  readonly checkpoints: Partial<Checkpoints>;
}

/** A download that has begun, or is to be gone on with, and is not complete. */
export interface OpenDownload {
  readonly recordingId: string;
  /** The length of the whole recording. */
  readonly totalBytes: number;
}

/** Whose something is that lies on the disk or with a service, by all that the ledger knows. */
export interface Claims {
  /** The recordings whose bytes come from a file of this name, in whatever folder. */
  ofFile(fileName: string): Promise<Recording[]>;
  /** The recordings of which a step names this with a service, and those among these ids. */
  of(made: { service: string; ref: string }, ids?: readonly string[]): Promise<Claim[]>;
  /** What unfinished recordings still have to download to this host, as far as the length is known. */
  openDownloads(): Promise<OpenDownload[]>;
  /** When the oldest recording was accepted; the ledger knows nothing of the time before it. */
  sinceMs(): Promise<number | undefined>;
  /** Forgets the download tokens of what has ended, once their source no longer takes them. */
  forgetOldTokens(nowMs: number): Promise<void>;
}

export function createClaims({
  db,
  recordings,
  host,
}: {
  db: Database;
  recordings: Pick<Recordings, 'get' | 'progress'>;
  /** Where this process runs; unset: there is one host alone. */
  host: string | undefined;
}): Claims {
  async function claimsOf(rows: readonly { recording_id: string }[]): Promise<Claim[]> {
    const claims: Claim[] = [];
    for (const { recording_id: id } of rows) {
      const recording = await recordings.get(id);
      if (recording !== undefined) claims.push({ recording, ...(await recordings.progress(id)) });
    }
    return claims;
  }

  return {
    async ofFile(fileName) {
      const rows = await db
        .selectFrom('recordings')
        .select('id as recording_id')
        .where(sql<boolean>`json_extract(origin, '$.kind') = 'file'`)
        .where(FILE_NAME, '=', fileName)
        .execute();
      return (await claimsOf(rows)).map(({ recording }) => recording);
    },

    async of({ service, ref }, ids = []) {
      const rows = await db
        .selectFrom('claims')
        .select('recording_id')
        .where('service', '=', service)
        .where('ref', '=', ref)
        .execute();
      const owners = new Set([...rows.map(({ recording_id }) => recording_id), ...ids]);
      return await claimsOf([...owners].map((recording_id) => ({ recording_id })));
    },

    async openDownloads() {
      const rows = await db
        .selectFrom('stages')
        .innerJoin('recordings', 'recordings.id', 'stages.recording_id')
        .select(['recording_id', 'checkpoint'])
        .where('moves_bytes', '=', 1)
        .where('fact', 'is', null)
        .where('checkpoint', 'is not', null)
        .where('state', 'in', MOVABLE_STATES)
        .where((is) => is.or([is('host', 'is', null), is('host', '=', host ?? '')]))
        .execute();
      return rows.flatMap(({ recording_id, checkpoint }) => {
        // Of what comes to this disk a checkpoint says how much it is in all.
        const totalBytes: unknown = Reflect.get(Object(readCheckpoint(checkpoint ?? '')), 'totalBytes');
        return typeof totalBytes === 'number' ? [{ recordingId: recording_id, totalBytes }] : [];
      });
    },

    forgetOldTokens: (nowMs) => forgetOldTokens(db, nowMs),

    async sinceMs() {
      const row = await db
        .selectFrom('recordings')
        .select((select) => select.fn.min('accepted_at_ms').as('oldest_ms'))
        .executeTakeFirst();
      return row?.oldest_ms === null || row === undefined ? undefined : Number(row.oldest_ms);
    },
  };
}

/** The name of a recording's own file, without its folders; as the index has it. */
const FILE_NAME = sql<string>`substr(json_extract(origin, '$.path'), length(rtrim(json_extract(origin, '$.path'),
  replace(json_extract(origin, '$.path'), '/', ''))) + 1)`;
