import { setTimeout as sleep } from 'node:timers/promises';
import { UNFINISHED_STATES } from '../../src/domain/recording.ts';
import { steer } from './simulated-services.ts';

const POLL_MS = 200;

/** What waits for its turn, as an operator has it stop and go. */
export function createLine(pipelineUrl: string, signal: AbortSignal) {
  return {
    pause: () => steer('POST', `${pipelineUrl}/api/line/pause`),
    resume: () => steer('POST', `${pipelineUrl}/api/line/resume`),
    /** Resolves once nothing waits or moves but these. */
    async untilEmpty(besides: readonly string[] = []): Promise<void> {
      for (;;) {
        signal.throwIfAborted();
        const { counts } = (await steer('GET', `${pipelineUrl}/api/status`)) as {
          counts: Readonly<Record<string, number>>;
        };
        const left = UNFINISHED_STATES.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
        if (left <= besides.length) return;
        await sleep(POLL_MS, undefined, { signal });
      }
    },
  };
}
