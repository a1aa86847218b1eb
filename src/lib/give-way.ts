import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';

/**
 * Has this process, and whatever it starts, give way to others of this machine where processors are short.
 *
 * @param niceness As Linux has it: 0 like all others, 19 the most. A process that gives way further already goes on doing so.
 */
export function giveWay(niceness: number): void {
  if (getPriority() >= niceness) return;
  for (const thread of threads()) unlessGone(() => setPriority(thread, niceness));
  // Where Linux shares processors out by sessions (sched_autogroup_enabled), niceness counts within each alone.
  if (isFirstOfSession()) unlessGone(() => writeFileSync('/proc/self/autogroup', String(niceness)));
}

/** Linux has a niceness for each of them; elsewhere there is one for all. */
function threads(): readonly number[] {
  try {
    return readdirSync('/proc/self/task').map(Number);
  } catch {
    return [0];
  }
}

/** What belongs to a session that somebody else has opened gives way by its own niceness alone: the session is not ours. */
function isFirstOfSession(): boolean {
  try {
    const [, session] = /\) \S+ \d+ \d+ (\d+)/.exec(readFileSync('/proc/self/stat', 'utf8')) ?? [];
    return Number(session) === process.pid;
  } catch {
    return false;
  }
}

/** A thread that has ended meanwhile, a kernel without sessions: nothing depends on it. */
function unlessGone(act: () => void): void {
  try {
    act();
  } catch {
    // As it was.
  }
}
