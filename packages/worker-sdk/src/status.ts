import { readFileSync } from 'node:fs';
import { cpus, freemem, totalmem } from 'node:os';
import type { JobResult } from './answers.ts';
import type { Description } from './description.ts';

const KIB = 1024;

/** The machine, word for word as it travels; memory in KiB. */
export function systemInfo(instanceId: string) {
  const swap = readSwap();
  return {
    docker_container_id: instanceId,
    total_memory: Math.round(totalmem() / KIB),
    used_memory: Math.round((totalmem() - freemem()) / KIB),
    total_swap: swap.totalKib,
    used_swap: swap.totalKib - swap.freeKib,
    number_of_processors: cpus().length,
  };
}

/** How a worker answers when it is asked how it is. */
export function statusOf({
  job,
  isSuspended,
  description,
}: {
  job: JobResult | undefined;
  isSuspended: boolean;
  description: Description;
}) {
  const { parameters: _parameters, ...about } = description;
  return {
    type: 'status',
    job: job ?? null,
    worker: {
      activity: job !== undefined ? 'Busy' : isSuspended ? 'Suspended' : 'Idle',
      system_info: systemInfo(description.instance_id),
      ...about,
    },
  };
}

function readSwap(): { totalKib: number; freeKib: number } {
  let memory = '';
  try {
    memory = readFileSync('/proc/meminfo', 'utf8');
  } catch {
    // Only Linux tells it this way.
  }
  const kibOf = (name: string) => Number(memory.match(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'))?.[1] ?? 0);
  return { totalKib: kibOf('SwapTotal'), freeKib: kibOf('SwapFree') };
}
