import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  FAULT_KINDS,
  type FaultKind,
  isStruck,
  isUnlisted,
  REMOTE_CALLS,
  type RemoteCall,
} from './faults-calls.ts';
import {
  arrive,
  clearFaults,
  emptyRemotes,
  expectBeside,
  expectHome,
  QUICK_SETTINGS,
  type Source,
  sendMeeting,
  sendTranscript,
  UNWATCHED,
  writeSource,
} from './faults-house.ts';
import { createPool, type Pool } from './faults-pool.ts';
import { type House, openHouse } from './house.ts';

/** Large enough to go in parts. */
export const LARGE_BYTES = 11_000_000;

/** A call that is struck, and how. */
type Case = readonly [call: string, kind: string, RemoteCall, FaultKind];

/** Houses, each of which serves one case at a time: while one case waits, others go on. */
const HOUSES = 4;

/** Every call, struck by every fault that can meet it. */
export function everyCase(): Case[] {
  return REMOTE_CALLS.flatMap((call) => kindsFor(call).flatMap((kind) => caseOf(call, kind)));
}

/** Every call, struck once, of its faults in turn; and once more by each kind of fault that has not come up. */
export function everyCallOnce(): Case[] {
  const once = REMOTE_CALLS.flatMap((call, at) => {
    const kinds = kindsFor(call);
    return caseOf(call, kinds[at % kinds.length]);
  });
  const missing = FAULT_KINDS.filter(({ name }) => !once.some(([, kind]) => kind === name));
  const call = (kind: FaultKind) => REMOTE_CALLS.find((each) => kindsFor(each).includes(kind));
  return [...once, ...missing.flatMap((kind) => caseOf(call(kind), kind))];
}

function caseOf(call: RemoteCall | undefined, kind: FaultKind | undefined): Case[] {
  return call === undefined || kind === undefined ? [] : [[call.name, kind.name, call, kind]];
}

function kindsFor(call: RemoteCall): readonly FaultKind[] {
  return FAULT_KINDS.filter(({ suits }) => suits?.(call) ?? true);
}

interface Furnished {
  readonly house: House;
  readonly small: Source;
  readonly large: Source;
  worker: Awaited<ReturnType<House['startWorker']>>;
}

async function furnish(): Promise<Furnished> {
  const house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED });
  return {
    house,
    small: await writeSource(house, 'small'),
    large: await writeSource(house, 'large', LARGE_BYTES),
    worker: await house.startWorker(),
  };
}

/** A recording for each case, which has to come home whatever meets it. */
export function describeStrikes(cases: readonly Case[]): void {
  describe('whatever goes wrong once, a recording comes home', () => {
    let pool: Pool<Furnished>;

    beforeAll(async () => {
      pool = await createPool(HOUSES, furnish);
    });
    afterAll(() => Promise.all(pool.all.map(({ house }) => house.close())));

    it.concurrent.each(cases)('%s: %s', async (callName, kindName, call, kind) => {
      await pool.lend(async (furnished) => {
        try {
          await strike(furnished, `${callName}: ${kindName}`, call, kind);
        } finally {
          clearFaults(furnished.house);
          await emptyRemotes(furnished.house);
        }
      });
    });

    async function strike(
      furnished: Furnished,
      title: string,
      call: RemoteCall,
      kind: FaultKind,
    ): Promise<void> {
      const { house, small, large } = furnished;
      if (call.isFirst) await furnished.worker.stop();
      const { requests, fail } = call.simulator(house);
      const before = requests.length;
      const fault = kind.fault(call);
      call.provoke?.(house);
      // A worker that starts looks through the services beside its first recording, and may meet the fault there.
      fail({ on: call.on, ...fault, count: (fault.count ?? 1) + (call.isFirst ? 1 : 0) });

      const sent = await sendMeeting(house, title, call.isLarge ? large : small);
      const transcript = call.hasTranscript ? await sendTranscript(house, sent) : undefined;
      if (call.isFirst) furnished.worker = await house.startWorker();
      await arrive(house, sent);
      if (transcript !== undefined) await expectBeside(house, transcript, sent);

      await vi.waitFor(() => {
        expect(requests.slice(before).filter((request) => isStruck(call, request))).not.toEqual([]);
      });
      await expectHome(house, sent);
      expect(requests.slice(before).filter(isUnlisted)).toEqual([]);
    }
  });
}
