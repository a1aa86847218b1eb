import { type AccessToken, accessNameKey, type Role } from '../domain/access.ts';
import { KnownError } from '../domain/errors.ts';
import { wallMs } from '../lib/wall-time.ts';
import { change, nextNumber } from './change.ts';
import type { Database } from './database.ts';
import type { AccessTokensTable } from './schema.ts';

export type NewAccessToken = Pick<AccessToken, 'name' | 'role' | 'digest' | 'createdBy' | 'expiresAtMs'>;

/** Who may come in besides the holder of the ADMIN_TOKEN. */
export interface AccessTokens {
  /**
   * One whose name has expired gives way.
   *
   * @throws KnownError `NAME_TAKEN`
   */
  create(token: NewAccessToken): Promise<void>;
  /** `false`: there is none of this name. One that was revoked before stays as it is. */
  revoke(name: string, by: string): Promise<boolean>;
  /** Newest first, those that were revoked too. */
  all(): Promise<AccessToken[]>;
  used(id: number, atMs: number): Promise<void>;
}

export function createAccessTokens({ db }: { db: Database }): AccessTokens {
  return {
    async create({ name, role, digest, createdBy, expiresAtMs }) {
      const nowMs = wallMs();
      const nameKey = accessNameKey(name);
      await change(db, async (trx) => {
        await trx
          .updateTable('access_tokens')
          .set({ revoked_at_ms: nowMs, revoked_by: createdBy })
          .where('name_key', '=', nameKey)
          .where('revoked_at_ms', 'is', null)
          .where('expires_at_ms', '<=', nowMs)
          .execute();
        const taken = await trx
          .selectFrom('access_tokens')
          .select('name')
          .where('name_key', '=', nameKey)
          .where('revoked_at_ms', 'is', null)
          .executeTakeFirst();
        if (taken !== undefined) {
          throw new KnownError(`There is a token of ${taken.name} already`, { code: 'NAME_TAKEN' });
        }
        await trx
          .insertInto('access_tokens')
          .values({
            id: await nextNumber(trx, 'access_tokens', 'id'),
            name,
            name_key: nameKey,
            role,
            digest,
            created_at_ms: nowMs,
            created_by: createdBy,
            expires_at_ms: expiresAtMs,
            last_used_at_ms: null,
            revoked_at_ms: null,
            revoked_by: null,
          })
          .execute();
      });
    },

    async revoke(name, by) {
      const nameKey = accessNameKey(name);
      await db
        .updateTable('access_tokens')
        .set({ revoked_at_ms: wallMs(), revoked_by: by })
        .where('name_key', '=', nameKey)
        .where('revoked_at_ms', 'is', null)
        .execute();
      const known = await db
        .selectFrom('access_tokens')
        .select('id')
        .where('name_key', '=', nameKey)
        .executeTakeFirst();
      return known !== undefined;
    },

    async all() {
      const rows = await db.selectFrom('access_tokens').selectAll().orderBy('id', 'desc').execute();
      return rows.map(toAccessToken);
    },

    async used(id, atMs) {
      await db.updateTable('access_tokens').set({ last_used_at_ms: atMs }).where('id', '=', id).execute();
    },
  };
}

function toAccessToken(row: AccessTokensTable): AccessToken {
  const numberOrNull = (value: number | null) => (value === null ? null : Number(value));
  return {
    id: Number(row.id),
    name: row.name,
    role: row.role as Role,
    digest: row.digest,
    createdAtMs: Number(row.created_at_ms),
    createdBy: row.created_by,
    expiresAtMs: numberOrNull(row.expires_at_ms),
    lastUsedAtMs: numberOrNull(row.last_used_at_ms),
    revokedAtMs: numberOrNull(row.revoked_at_ms),
    revokedBy: row.revoked_by,
  };
}
