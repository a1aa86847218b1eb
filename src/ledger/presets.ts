import { isDeepStrictEqual } from 'node:util';
import type { Transaction } from 'kysely';
import { KnownError } from '../domain/errors.ts';
import type { NewPreset, Preset } from '../domain/preset.ts';
import { wallMs } from '../lib/wall-time.ts';
import { change } from './change.ts';
import type { Database } from './database.ts';
import type { PresetsTable, Tables } from './schema.ts';

/** The presets that operators have made. */
export interface Presets {
  /** By their names. */
  all(): Promise<Preset[]>;
  get(name: string): Promise<Preset | undefined>;
  /** @throws KnownError `PRESET_TAKEN` */
  create(preset: NewPreset, by: string): Promise<Preset>;
  /** Changed to what it is already it keeps its version. `undefined`: there is none of this name. */
  change(preset: NewPreset, by: string): Promise<Preset | undefined>;
  /** `undefined`: there is none of this name. */
  remove(name: string, by: string): Promise<Preset | undefined>;
}

export function createPresets({ db }: { db: Database }): Presets {
  async function write(
    trx: Transaction<Tables>,
    { name, task, params, description }: NewPreset,
    version: number,
    by: string,
  ): Promise<Preset> {
    const said = {
      version,
      task,
      params: JSON.stringify(params),
      description,
      changed_at_ms: wallMs(),
      changed_by: by,
      removed_at_ms: null,
    };
    await trx
      .insertInto('presets')
      .values({ name, ...said })
      .onConflict((conflict) => conflict.column('name').doUpdateSet(said))
      .execute();
    return toPreset({ name, ...said });
  }

  return {
    async all() {
      const rows = await db
        .selectFrom('presets')
        .selectAll()
        .where('removed_at_ms', 'is', null)
        .orderBy('name')
        .execute();
      return rows.map(toPreset);
    },

    async get(name) {
      const row = await db
        .selectFrom('presets')
        .selectAll()
        .where('name', '=', name)
        .where('removed_at_ms', 'is', null)
        .executeTakeFirst();
      return row && toPreset(row);
    },

    create: (preset, by) =>
      change(db, async (trx) => {
        const known = await find(trx, preset.name);
        if (known !== undefined && known.removed_at_ms === null) {
          throw new KnownError(`There is a preset ${preset.name} already, version ${known.version}`, {
            code: 'PRESET_TAKEN',
          });
        }
        return await write(trx, preset, (known?.version ?? 0) + 1, by);
      }),

    change: (preset, by) =>
      change(db, async (trx) => {
        const row = await find(trx, preset.name);
        if (row === undefined || row.removed_at_ms !== null) return undefined;
        const known = toPreset(row);
        const saidOf = ({ task, params, description }: NewPreset) => [task, params, description];
        if (isDeepStrictEqual(saidOf(known), saidOf(preset))) return known;
        return await write(trx, preset, known.version + 1, by);
      }),

    remove: (name, by) =>
      change(db, async (trx) => {
        const row = await find(trx, name);
        if (row === undefined || row.removed_at_ms !== null) return undefined;
        const removed = { changed_at_ms: wallMs(), changed_by: by, removed_at_ms: wallMs() };
        await trx.updateTable('presets').set(removed).where('name', '=', name).execute();
        return toPreset({ ...row, ...removed });
      }),
  };
}

/** One that was removed too. */
function find(trx: Transaction<Tables>, name: string): Promise<PresetsTable | undefined> {
  return trx.selectFrom('presets').selectAll().where('name', '=', name).executeTakeFirst();
}

function toPreset(row: PresetsTable): Preset {
  return {
    name: row.name,
    version: Number(row.version),
    task: row.task,
    params: JSON.parse(row.params),
    description: row.description,
    isBuiltIn: false,
    changedAtMs: Number(row.changed_at_ms),
    changedBy: row.changed_by,
  };
}
