import { randomUUID } from 'node:crypto';
import type { Selectable } from 'kysely';
import { KnownError } from '../domain/errors.ts';
import type { NewRemoteWorker, RemoteWorker, RemoteWorkerState } from '../domain/remote-worker.ts';
import { wallMs } from '../lib/wall-time.ts';
import { change } from './change.ts';
import type { Database } from './database.ts';
import type { Tables } from './schema.ts';

/** Workers elsewhere that come for their work. What opens their door is known by its SHA-256, in hex. */
export interface RemoteWorkers {
  /** Lets one worker register, until then. */
  invite(digest: string, by: string, expiresAtMs: number): Promise<void>;
  /**
   * Takes a worker in whose invitation this is, which is used up by it. Of a name that a revoked one has had there is a new one.
   *
   * @throws KnownError `INVITATION_WRONG`, `WORKER_NAME_TAKEN`
   */
  register(invitation: string, worker: NewRemoteWorker & { readonly digest: string }): Promise<RemoteWorker>;
  /** The one that has this key, revoked ones too. */
  ofKey(digest: string): Promise<RemoteWorker | undefined>;
  /** It was heard of just now. */
  seen(id: string): Promise<void>;
  /** The newest first, revoked ones too. */
  all(): Promise<RemoteWorker[]>;
  /** `undefined`: there is none of this name that is not revoked. */
  setState(name: string, state: RemoteWorkerState): Promise<RemoteWorker | undefined>;
}

export function createRemoteWorkers({ db }: { db: Database }): RemoteWorkers {
  return {
    async invite(digest, by, expiresAtMs) {
      const nowMs = wallMs();
      await db.deleteFrom('worker_invitations').where('expires_at_ms', '<=', nowMs).execute();
      await db
        .insertInto('worker_invitations')
        .values({ digest, created_by: by, created_at_ms: nowMs, expires_at_ms: expiresAtMs })
        .execute();
    },

    async register(invitation, { name, tasks, version, machine, digest }) {
      const nowMs = wallMs();
      return await change(db, async (trx) => {
        const { numDeletedRows } = await trx
          .deleteFrom('worker_invitations')
          .where('digest', '=', invitation)
          .where('expires_at_ms', '>', nowMs)
          .executeTakeFirst();
        if (numDeletedRows === 0n) {
          throw new KnownError('This invites nobody: it was used, has expired, or never was one', {
            code: 'INVITATION_WRONG',
          });
        }
        const taken = await trx
          .selectFrom('remote_workers')
          .select('name')
          .where('name_key', '=', name.toLowerCase())
          .where('state', '!=', 'revoked')
          .executeTakeFirst();
        if (taken !== undefined) {
          throw new KnownError(`There is a worker ${taken.name} already`, { code: 'WORKER_NAME_TAKEN' });
        }
        const row = {
          id: randomUUID(),
          ...{ name, digest, version, machine },
          name_key: name.toLowerCase(),
          tasks: JSON.stringify(tasks),
          state: 'active',
          registered_at_ms: nowMs,
          seen_at_ms: nowMs,
        };
        await trx.insertInto('remote_workers').values(row).execute();
        return toWorker(row);
      });
    },

    async ofKey(digest) {
      const row = await db
        .selectFrom('remote_workers')
        .selectAll()
        .where('digest', '=', digest)
        .executeTakeFirst();
      return row && toWorker(row);
    },

    async seen(id) {
      await db.updateTable('remote_workers').set({ seen_at_ms: wallMs() }).where('id', '=', id).execute();
    },

    async all() {
      const rows = await db
        .selectFrom('remote_workers')
        .selectAll()
        .orderBy('registered_at_ms', 'desc')
        .orderBy('id')
        .execute();
      return rows.map(toWorker);
    },

    async setState(name, state) {
      return await change(db, async (trx) => {
        const row = await trx
          .selectFrom('remote_workers')
          .selectAll()
          .where('name_key', '=', name.toLowerCase())
          .where('state', '!=', 'revoked')
          .executeTakeFirst();
        if (row === undefined) return undefined;
        await trx.updateTable('remote_workers').set({ state }).where('id', '=', row.id).execute();
        return toWorker({ ...row, state });
      });
    },
  };
}

function toWorker(row: Selectable<Tables['remote_workers']>): RemoteWorker {
  return {
    id: row.id,
    name: row.name,
    tasks: JSON.parse(row.tasks),
    version: row.version,
    machine: row.machine,
    state: row.state as RemoteWorkerState,
    registeredAtMs: Number(row.registered_at_ms),
    seenAtMs: Number(row.seen_at_ms),
  };
}
