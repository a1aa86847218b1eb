import { Redis } from 'ioredis';
import { pino } from 'pino';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { createLine } from '../../src/queue/line.ts';
import { serveMessages } from './child-script.ts';
import { peakMemoryMib } from './process-costs.ts';

/** A line in a process of its own, so that its memory can be told from the bench's. */
export interface LinePasses {
  /** The first pass, which puts everything in line, and those after it, which find it there; in milliseconds. */
  readonly passesMs: readonly number[];
  /** How much more memory the process had at its worst than before the first pass. */
  readonly moreMib: number;
}

serveMessages(
  async ({ ledgerPath, socketPath, passes }: { ledgerPath: string; socketPath: string; passes: number }) => {
    const ledger = await openWholeLedger({ address: ledgerPath, leaseMs: 5000 });
    const connection = new Redis({ path: socketPath, maxRetriesPerRequest: null });
    let passed = () => {};
    const line = createLine({
      name: 'bench-growth',
      connection,
      concurrency: 1,
      log: pino({ level: 'silent' }),
      async pending(afterSeq, limit) {
        const page = await ledger.recordings.unfinished(afterSeq, limit);
        if (page.length < limit) setImmediate(passed);
        return page;
      },
    });
    const beforeMib = await peakMemoryMib(process.pid);
    const passesMs: number[] = [];
    for (let pass = 0; pass < passes; pass += 1) {
      const ended = new Promise<void>((resolve) => {
        passed = resolve;
      });
      const startMs = performance.now();
      // The first one begins by itself, as soon as Redis is there.
      if (pass > 0) line.reconcile();
      await ended;
      passesMs.push(performance.now() - startMs);
    }
    const moreMib = (await peakMemoryMib(process.pid)) - beforeMib;
    await line.stop();
    connection.disconnect();
    await ledger.close();
    return { passesMs, moreMib };
  },
);
