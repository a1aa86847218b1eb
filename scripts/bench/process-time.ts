import { readFile } from 'node:fs/promises';

/** Linux tells processor time in hundredths of a second. */
const TICKS_PER_S = 100;

/** The processor time that a process has used so far, its own and the system's for it, in seconds. */
export async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The name, in brackets, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}
