import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createLink, type Link } from '../../simulators/shared/link.ts';

const STEP_BYTES = 64 * 1024;
const BYTES_PER_SECOND = 25_000_000;

describe('the link of a simulated service', () => {
  async function pass(link: Link, ms: number, afterStep = (_step: number) => {}): Promise<number> {
    const steps = Math.ceil((ms / 1000) * (BYTES_PER_SECOND / STEP_BYTES));
    const startedMs = performance.now();
    for (let step = 0; step < steps; step += 1) {
      await link.take(STEP_BYTES);
      afterStep(step);
    }
    return (performance.now() - startedMs) / ((steps * STEP_BYTES * 1000) / BYTES_PER_SECOND);
  }

  it('lets bytes pass at its speed', async () => {
    const ratio = await pass(createLink(BYTES_PER_SECOND), 1000);

    expect(ratio).toBeGreaterThan(0.995);
    expect(ratio).toBeLessThan(1.1);
  });

  it('makes up for what a busy machine has cost it', async () => {
    const holdUp = (step: number) => {
      const untilMs = performance.now() + (step % 40 === 0 ? 60 : 0);
      while (performance.now() < untilMs);
    };

    // Ten stalls of 60 ms each.
    expect(await pass(createLink(BYTES_PER_SECOND), 1000, holdUp)).toBeLessThan(1.3);
  });

  it('does not make up for time in which nobody sent', async () => {
    const link = createLink(BYTES_PER_SECOND);
    await pass(link, 50);
    await sleep(500);

    expect(await pass(link, 500)).toBeGreaterThan(0.94);
  });
});
