import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 200;
const MAX_HELD_MS = 30 * 60_000;
const MAX_UNSIGNED_MS = 5_000;

/**
 * Runs `action` while no other process does so in the same checkout. The lock is a folder that names its holder; one
 * whose holder has died, or that is older than half an hour, is taken over.
 */
export async function withLock({ root, say, action }) {
  const folder = join(root, '.setup-lock');
  let told = false;

  while (!take(folder)) {
    const holder = readHolder(folder);
    if (holder !== undefined && isAbandoned(holder)) {
      remove(folder, holder);
      continue;
    }
    if (!told && holder?.pid !== undefined) say(`Waiting for the set-up in process ${holder.pid} ...`);
    told ||= holder?.pid !== undefined;
    await sleep(POLL_MS);
  }

  try {
    return await action();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether a lock's holder is gone; `heldMs` is the lock's age, `isAlive` asks for a process of this host. */
export function isAbandoned({ pid, host, heldMs }, { thisHost = hostname(), isAlive = isProcessAlive } = {}) {
  if (heldMs > MAX_HELD_MS) return true;
  if (pid === undefined) return heldMs > MAX_UNSIGNED_MS;
  return host === thisHost && !isAlive(pid);
}

function take(folder) {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  writeFileSync(join(folder, '.gitignore'), '*\n');
  writeFileSync(join(folder, 'holder'), JSON.stringify({ pid: process.pid, host: hostname() }));
  return true;
}

/** The holder with the lock's age, without a pid while it is being written; `undefined` if there is no lock. */
function readHolder(folder) {
  try {
    const { mtimeMs, ino } = statSync(folder);
    const lock = { heldMs: Date.now() - mtimeMs, ino };
    try {
      return { ...lock, ...JSON.parse(readFileSync(join(folder, 'holder'), 'utf8')) };
    } catch {
      return lock;
    }
  } catch {
    return undefined;
  }
}

/** Takes an abandoned lock away; moved first, since of several who find it only one may. */
function remove(folder, { ino }) {
  const moved = `${folder}-${process.pid}`;
  try {
    renameSync(folder, moved);
    // Another process was faster and this is its new lock: it goes back.
    if (statSync(moved).ino !== ino) return renameSync(moved, folder);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  rmSync(moved, { recursive: true, force: true });
}

function isProcessAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
