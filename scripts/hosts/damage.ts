import { PROCESS_NAMES } from '../../test/support/processes.ts';
import { createDice, type Dice } from '../chaos/dice.ts';
import { pause } from '../chaos/waiting.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

/** How long a link is cut at most, and all else but a halt lasts, in milliseconds. */
export const LONGEST_CUT_MS = 12_000;

/** The pause between two pieces of damage, in milliseconds. */
const PAUSE_MS = [300, 2500] as const;

type Kind =
  | 'kill'
  | 'fall'
  | 'cut'
  | 'cut-out'
  | 'halt'
  | 'database'
  | 'failover'
  | 'redis'
  | 'wipe'
  | 'fill';

/** How often each kind comes beside the others. */
const WEIGHTS: Readonly<Record<Kind, number>> = {
  kill: 8,
  fall: 3,
  cut: 2,
  'cut-out': 2,
  halt: 1,
  database: 1,
  failover: 1,
  redis: 1,
  wipe: 1,
  fill: 1,
};

const KINDS = (Object.keys(WEIGHTS) as Kind[]).flatMap((kind) => Array<Kind>(WEIGHTS[kind]).fill(kind));

/** What was done. */
export interface Done {
  /** Kills of processes, and links that were cut. */
  readonly kills: number;
  readonly byKind: Readonly<Partial<Record<Kind, number>>>;
  /** When a worker ended, was halted or cut off, or went on; milliseconds since 1970. */
  readonly workerEndsMs: readonly number[];
}

export interface Damage {
  done(): Done;
  /** Does it until the time is over, and then ends all that lasts. */
  run(durationMs: number): Promise<void>;
}

/** Does damage to the hosts and to what they share, at times and in ways that a seed decides; one host at least stays as it is. */
export function createDamage(options: {
  readonly world: World;
  readonly seed: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}): Damage {
  const { world, say, signal } = options;
  const dice: Dice = createDice(options.seed);
  const byKind: Partial<Record<Kind, number>> = {};
  const workerEndsMs: number[] = [];
  /** Hosts that are away, each with what brings it back. */
  const away = new Map<Host, Promise<void>>();
  const lasting = new Set<Promise<void>>();
  let kills = 0;

  function note(kind: Kind, what: string): void {
    byKind[kind] = (byKind[kind] ?? 0) + 1;
    say(`${kind}: ${what}`);
  }

  const workerEnded = () => void workerEndsMs.push(Date.now());

  /** Does something to a host, and undoes it after a while. */
  function takeAway(host: Host, forMs: number, begin: () => unknown, end: () => unknown): void {
    const lasts = (async () => {
      workerEnded();
      await begin();
      await pause(forMs, signal).catch(() => {});
      await end();
      workerEnded();
      away.delete(host);
    })();
    away.set(host, lasts);
    last(lasts);
  }

  function last(work: Promise<void>): void {
    lasting.add(work);
    void work.finally(() => lasting.delete(work));
  }

  function killServer(work: () => Promise<void>): void {
    kills += 1;
    last(
      (async () => {
        workerEnded();
        await work();
        workerEnded();
      })(),
    );
  }

  function damage(kind: Kind): void {
    const near = world.hosts.filter((host) => !away.has(host));
    const [first, ...others] = dice.shuffled(near);
    const forMs = dice.whole(1000, LONGEST_CUT_MS);
    const app = dice.pick(PROCESS_NAMES);
    if (first === undefined) return;
    // One host at least is left.
    const mayLeave = others.length > 0;
    const isLinked = world.hasLinks;
    if (kind === 'kill') {
      note(kind, `${app} of ${first.id}`);
      if (app === 'worker') workerEnded();
      first.kill(app);
      kills += 1;
    } else if (kind === 'fall' && mayLeave) {
      note(kind, `${first.id} for ${forMs} ms`);
      kills += PROCESS_NAMES.length;
      takeAway(first, forMs, first.fall, first.start);
    } else if (kind === 'cut' && mayLeave && isLinked) {
      note(kind, `${first.id} for ${forMs} ms`);
      kills += 1;
      takeAway(first, forMs, first.link.cut, first.link.mend);
    } else if (kind === 'cut-out' && mayLeave && isLinked) {
      note(kind, `what ${first.id} sends, for ${forMs} ms`);
      kills += 1;
      takeAway(first, forMs, first.link.cutOut, first.link.mend);
    } else if (kind === 'halt' && mayLeave) {
      const haltMs = dice.happens(0.2) ? 30_000 : forMs;
      note(kind, `${first.id} for ${haltMs} ms`);
      takeAway(
        first,
        haltMs,
        () => first.signal('SIGSTOP'),
        () => first.signal('SIGCONT'),
      );
    } else if (kind === 'database') {
      note(kind, `killed for ${Math.round(forMs / 3)} ms`);
      killServer(() => world.database.crash(forMs / 3));
    } else if (kind === 'failover') {
      note(kind, 'killed for good, and its standby promoted');
      killServer(() => world.database.failOver());
    } else if (kind === 'redis') {
      note(kind, `killed for ${Math.round(forMs / 3)} ms`);
      killServer(async () => {
        await world.redis.kill();
        await pause(forMs / 3, signal).catch(() => {});
        await world.redis.start();
      });
    } else if (kind === 'wipe') {
      note(kind, 'Redis forgets everything');
      last(world.redis.wipe());
    } else if (kind === 'fill' && first.volume !== undefined && mayLeave) {
      const { volume } = first;
      note(kind, `the disk of ${first.id} for ${forMs} ms`);
      takeAway(first, forMs, volume.fill, volume.empty);
    }
  }

  /** Two that befall the same server one after the other. */
  const isBusy = (kind: Kind) => kind !== 'kill' && lasting.size > 2;

  return {
    done: () => ({ kills, byKind, workerEndsMs }),
    async run(durationMs) {
      const endMs = Date.now() + durationMs;
      while (Date.now() < endMs) {
        await pause(dice.whole(...PAUSE_MS), signal);
        const kind = dice.pick(KINDS as [Kind, ...Kind[]]);
        if (!isBusy(kind)) damage(kind);
      }
      await Promise.all(lasting);
    },
  };
}
