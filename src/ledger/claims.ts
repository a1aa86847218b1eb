import { type Kysely, sql } from 'kysely';
import { type Checkpoints, type Facts, MOVABLE_STATES, type Recording } from '../domain/recording.ts';
import type { Database } from './database.ts';
import type { Recordings } from './recordings.ts';
import type { Tables } from './schema.ts';
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
  /** The recordings whose archive stage names this B2 file. */
  ofArchived(fileId: string): Promise<Claim[]>;
  /** The recordings whose publish stage names this Bunny video, and the one whose mark it bears. */
  ofVideo(video: { videoId: string; ownerId: string | undefined }): Promise<Claim[]>;
  /** What unfinished recordings still have to download, as far as the length is known. */
  openDownloads(): Promise<OpenDownload[]>;
  /** When the oldest recording was accepted; the ledger knows nothing of the time before it. */
  sinceMs(): Promise<number | undefined>;
  /** Forgets the download tokens of what has ended, once Zoom no longer takes them. */
  forgetOldTokens(nowMs: number): Promise<void>;
}

export function createClaims({
  db,
  recordings,
}: {
  db: Database;
  recordings: Pick<Recordings, 'get' | 'progress'>;
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

    async ofArchived(fileId) {
      return await claimsOf(await stagesWith(db, 'archive', fileId).execute());
    },

    async ofVideo({ videoId, ownerId = '' }) {
      const rows = await stagesWith(db, 'publish', videoId).execute();
      const ids = new Set(rows.map(({ recording_id }) => recording_id)).add(ownerId);
      return await claimsOf([...ids].map((recording_id) => ({ recording_id })));
    },

    async openDownloads() {
      const rows = await db
        .selectFrom('stages')
        .innerJoin('recordings', 'recordings.id', 'stages.recording_id')
        .select(['recording_id', 'checkpoint'])
        .where('stage', '=', 'fetch')
        .where('fact', 'is', null)
        .where('checkpoint', 'is not', null)
        .where('state', 'in', MOVABLE_STATES)
        .execute();
      return rows.flatMap(({ recording_id, checkpoint }) => {
        const { totalBytes }: Checkpoints['fetch'] = JSON.parse(checkpoint ?? '');
        return totalBytes === null ? [] : [{ recordingId: recording_id, totalBytes }];
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

/** What the facts and checkpoints of these stages name, as the indexes have it. */
const KEYS = { archive: 'fileId', publish: 'videoId' } as const;

/** The stages whose fact or checkpoint names this, a query for each: of both in one the database would read every row. */
function stagesWith(db: Kysely<Tables>, stage: keyof typeof KEYS, remoteId: string) {
  const named = (column: 'fact' | 'checkpoint') =>
    db
      .selectFrom('stages')
      .select('recording_id')
      .where(sql<boolean>`stage = ${sql.lit(stage)}`)
      .where(sql<string>`json_extract(${sql.ref(column)}, ${sql.lit(`$.${KEYS[stage]}`)})`, '=', remoteId);
  return named('fact').union(named('checkpoint'));
}
