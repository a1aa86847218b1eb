import { runProgram } from './programs.ts';

/**
 * Has all written that was only prepared so far. Otherwise the kernel writes it half a minute later, all at once, and whoever
 * syncs a change meanwhile is measured with it.
 */
export async function settleDisk(signal: AbortSignal): Promise<void> {
  await runProgram('sync', [], signal);
}
