import { sql } from 'kysely';
import { APPS, type App } from '../domain/apps.ts';
import { wallMs } from '../lib/wall-time.ts';
import type { Database } from './database.ts';

/** The last sign of life of a process. */
export interface Heartbeat {
  readonly app: App;
  /** Where it runs; absent where there is one host alone. */
  readonly host?: string;
  readonly pid: number;
  readonly version: string;
  /** Rises with each one. A reader sees by this that the process lives, whatever its clock or the reader's says. */
  readonly beats: number;
  /** Rises with what the process has moved of recordings. */
  readonly moved: number;
  /** How many connections it had open; `null` where it does not tell. */
  readonly connections: number | null;
  readonly atMs: number;
}

/** Signs of life, which each process writes by itself while its work goes on; a row per process. */
export interface Heartbeats {
  /** @param own.moved How much was moved since the last one. */
  beat(
    own: Pick<Heartbeat, 'app' | 'pid' | 'version' | 'moved'> & { readonly connections?: number },
  ): Promise<void>;
  all(): Promise<Heartbeat[]>;
  /** Those of this host. */
  own(): Promise<Heartbeat[]>;
}

/** Parts the name of a process from that of its host. */
const AT = '@';

/** @param host Where this process runs; unset: there is one host alone. */
export function createHeartbeats({ db, host }: { db: Database; host: string | undefined }): Heartbeats {
  async function all(): Promise<Heartbeat[]> {
    const rows = await db.selectFrom('heartbeats').selectAll().execute();
    return rows.flatMap(({ app: name, pid, version, beats, moved, connections, at_ms }) => {
      const [app = '', at] = name.split(AT);
      if (!isApp(app)) return [];
      return [
        {
          ...{ app, ...(at === undefined ? {} : { host: at }), pid, version, connections },
          ...{ beats: Number(beats), moved: Number(moved), atMs: Number(at_ms) },
        },
      ];
    });
  }

  return {
    async beat({ app, pid, version, moved, connections = null }) {
      const own = { pid, version, connections, at_ms: wallMs() };
      await db
        .insertInto('heartbeats')
        .values({ app: host === undefined ? app : `${app}${AT}${host}`, ...own, beats: 1, moved })
        .onConflict((conflict) =>
          conflict.column('app').doUpdateSet({
            ...own,
            beats: sql<number>`heartbeats.beats + 1`,
            moved: sql<number>`heartbeats.moved + ${moved}`,
          }),
        )
        .execute();
    },

    all,
    own: async () => (await all()).filter((heartbeat) => heartbeat.host === host),
  };
}

function isApp(name: string): name is App {
  return APPS.some((app) => app === name);
}
