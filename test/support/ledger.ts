import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'libsql';
import type { NewRecording } from '../../src/domain/recording.ts';
import { isPostgresUrl } from '../../src/lib/postgres-url.ts';
import { openWholeLedger, type WholeLedger } from '../../src/outside/whole-ledger.ts';
import { createDatabase, dumpDatabase, isRunOnPostgres } from './postgres-floor.ts';

/** Every row of every table, by the table's name; but for the counters, whose numbers may be given for nothing. */
export type LedgerDump = Readonly<Record<string, readonly unknown[]>>;

export interface TestLedger extends WholeLedger {
  /** A folder of its own, removed on close. */
  readonly folder: string;
  /** The path of its file, or the URL of its database. */
  readonly address: string;
  dump(): Promise<LedgerDump>;
}

/** Opens a fresh ledger, whose file lies in a temporary folder; in a run on Postgres it is a database of its own. */
export async function openTestLedger({ leaseMs = 5000 }: { leaseMs?: number } = {}): Promise<TestLedger> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-ledger-'));
  const address = isRunOnPostgres() ? await createDatabase() : join(folder, 'data', 'ledger.db');
  const ledger = await openWholeLedger({ address, leaseMs });
  return {
    ...ledger,
    folder,
    address,
    dump: () => dumpLedger(address),
    async close() {
      await ledger.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Reads a ledger by a connection of its own. */
export async function dumpLedger(address: string): Promise<LedgerDump> {
  return isPostgresUrl(address) ? await dumpDatabase(address) : dumpFile(address);
}

function dumpFile(path: string): LedgerDump {
  return reading(path, (sqlite) => {
    const tables = sqlite
      .prepare(
        "select name from sqlite_master where type = 'table' and name not like 'kysely%' and name <> 'counters' order by name",
      )
      .all() as { name: string }[];
    return Object.fromEntries(
      tables.map(({ name }) => [name, sqlite.prepare(`select * from "${name}" order by 1, 2`).all()]),
    );
  });
}

/** The number that was given last in each table. */
export function countersOf(path: string): Readonly<Record<string, number>> {
  const rows = reading(path, (sqlite) => sqlite.prepare('select name, n from counters').all());
  return Object.fromEntries((rows as { name: string; n: number }[]).map(({ name, n }) => [name, n]));
}

function reading<T>(path: string, read: (sqlite: Sqlite.Database) => T): T {
  const sqlite = new Sqlite(path);
  try {
    return read(sqlite);
  } finally {
    sqlite.close();
  }
}

/** A step that can be stopped, as the ledger has to know of it. */
export const stepOf = (task: string) => ({
  task,
  isFinal: false,
  isAgain: task !== 'archive',
  movesBytes: ['fetch', 'archive', 'publish'].includes(task),
});

/** What a step has made in its service, as its task would say it. */
export function madeBy(stage: string, said: { checkpoint?: object | undefined; fact?: object | undefined }) {
  const [service, key] = stage === 'archive' ? ['b2', 'fileId'] : ['bunny', 'videoId'];
  if (stage !== 'archive' && stage !== 'publish') return undefined;
  const refs = [said.checkpoint, said.fact].flatMap((each) => {
    const ref: unknown = each && Reflect.get(each, key as string);
    return typeof ref === 'string' ? [ref] : [];
  });
  return { service: service as string, refs: [...new Set(refs)] };
}

/** A recording as the door for files hands it over. */
export function fileRecording(key: string, more: Partial<NewRecording> = {}): NewRecording {
  return {
    source: 'custom',
    naturalKey: key,
    aceId: null,
    title: 'Algebra',
    origin: { kind: 'file', path: `/files/${key}.mp4`, bytes: 5, modifiedAtMs: 1, keep: true },
    details: { filename: `${key}.mp4` },
    ...more,
  };
}

/** A recording as the door for Zoom hands it over; `version` tells one event about it from another. */
export function zoomRecording(key: string, eventAtMs: number, version: string): NewRecording {
  return {
    source: 'zoom',
    naturalKey: key,
    aceId: null,
    title: `Algebra ${version}`,
    origin: {
      kind: 'zoom',
      downloadUrl: `https://us02web.zoom.us/rec/${version}`,
      downloadToken: `token-${version}`,
      bytes: 5,
      eventAtMs,
    },
    details: { topic: `Algebra ${version}` },
  };
}

/** Does what a worker does that has proved these facts, by their steps, and is done: of outputs at `media-out`. */
export async function bringHome(
  { gate, moves }: TestLedger,
  id: string,
  facts: Readonly<Record<string, object>>,
): Promise<void> {
  const lease = await gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
  const fence = lease?.fence ?? 0;
  await moves.startAttempt(id, fence);
  for (const [step, fact] of Object.entries(facts)) {
    await moves.startStage(id, step, fence, { ...stepOf(step), isAgain: false });
    await moves.finishStage(id, step, fact, fence, { service: 'media-out', refs: [] });
  }
  await moves.finish(id, fence);
  await lease?.release();
}
