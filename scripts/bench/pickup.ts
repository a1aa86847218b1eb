import { setTimeout as sleep } from 'node:timers/promises';
import { openWholeLedger, type WholeLedger } from '../../src/outside/whole-ledger.ts';
import { type Bench, BenchFailure } from './bench.ts';
import { openMovingHouse } from './moving-house.ts';
import { quantile } from './statistics.ts';

/** The longest pause before a recording comes; the queue's own looks and time-outs fall anywhere into it. */
const LONGEST_IDLE_MS = 300;

/** How soon a recording begins to move, when nothing moves, and when another one has just ended. */
export const pickup: Bench = {
  name: 'pickup',
  description: "from the door's answer, and from a recording's end, to the request for the next one's bytes",
  settings: { recordings: 'how many of each kind in a round (default 50)' },
  rounds: 2,
  async run(context) {
    const { rounds, say, setting, signal } = context;
    const count = setting('recordings', 50);
    const house = await openMovingHouse(context, ['pipeline', 'worker'], {
      PLAYABLE_POLL_MIN_S: '3600',
      PLAYABLE_POLL_MAX_S: '3600',
    });
    const ledger = await openWholeLedger({ address: house.ledgerPath, leaseMs: 5000 });
    context.defer(() => ledger.close());
    const first: number[][] = [];
    const next: number[][] = [];
    const meetings = () =>
      Promise.all(Array.from({ length: count }, (_, n) => house.addMeeting(`Lesson ${n}`)));
    let before = 0;

    /** Waits for the recordings announced since the last time; gives back when each one's bytes were asked for. */
    async function untilHome(announced: number): Promise<number[]> {
      for (;;) {
        signal.throwIfAborted();
        const seen = await endsOf(ledger, before);
        if (seen.length === announced) break;
        if (seen.length > announced) throw new BenchFailure('There are more recordings than were announced.');
        await sleep(50);
      }
      const started = (await house.downloadsStartedAtMs()).slice(before);
      if (started.length !== announced) throw new BenchFailure('A download was begun more than once.');
      return started;
    }

    for (let round = 1; round <= rounds; round += 1) {
      const waits: number[] = [];
      for (const uuid of await meetings()) {
        await sleep(Math.random() * LONGEST_IDLE_MS);
        const answeredAtMs = await house.announce(uuid);
        const [startedAtMs = Number.NaN] = await untilHome(1);
        waits.push(Math.max(0, startedAtMs - answeredAtMs));
        before += 1;
      }
      first.push(waits);
      say(`round ${round}: p50 ${quantile(waits, 0.5).toFixed(1)} ms after the door's answer`);

      const uuids = await meetings();
      for (const uuid of uuids) await house.announce(uuid);
      const started = await untilHome(count);
      const ended = await endsOf(ledger, before);
      before += count;
      const gaps = started.slice(1).map((startedAtMs, at) => startedAtMs - (ended[at] ?? Number.NaN));
      next.push(gaps);
      say(`round ${round}: p50 ${quantile(gaps, 0.5).toFixed(1)} ms after the last one's end`);
    }

    const kinds = [
      ['pickup.', "after the door's answer, nothing in line", first],
      ['pickup.next_', "after the last one's end", next],
    ] as const;
    return {
      figures: Object.fromEntries(
        kinds.flatMap(([prefix, , all]) => [
          [`${prefix}p50_ms`, quantile(all.flat(), 0.5)],
          [`${prefix}p99_ms`, quantile(all.flat(), 0.99)],
        ]),
      ),
      rows: [
        ['bytes are asked for', 'n', 'p50 ms', 'p99 ms', 'min..max'],
        ...kinds.map(([, name, all]) => [
          name,
          String(all.flat().length),
          ...[0.5, 0.99].map((share) => quantile(all.flat(), share).toFixed(1)),
          `${quantile(all.flat(), 0).toFixed(1)}..${quantile(all.flat(), 1).toFixed(1)}`,
        ]),
      ],
      notes: [
        "The request is the one that reaches Zoom's download server, behind the redirect.",
        "A recording's end is its entry in the ledger; one machine, one clock, to the millisecond.",
      ],
      samples: {
        'pickup.p50_ms': first.map((all) => quantile(all, 0.5)),
        'pickup.next_p50_ms': next.map((all) => quantile(all, 0.5)),
      },
    };
  },
};

/** When the recordings after the first so many were done, in their order. */
async function endsOf({ recordings }: Pick<WholeLedger, 'recordings'>, skip: number): Promise<number[]> {
  const events = await recordings.events();
  const failure = events.find(({ type }) => type === 'attempt.failed' || type === 'recording.failed');
  if (failure) throw new BenchFailure(`A recording failed: ${JSON.stringify(failure.data)}`);
  return events
    .filter(({ type }) => type === 'recording.done')
    .map(({ atMs }) => atMs)
    .slice(skip);
}
