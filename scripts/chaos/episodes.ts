import type { Fault } from '../../simulators/shared/faults.ts';
import { APPS, type Step } from './action.ts';
import type { Dice } from './dice.ts';
import { EFFECTS, LATE_EFFECTS, throwFault } from './fault-menu.ts';

/** A stretch of the run: its steps, counted from its beginning, and how long it takes. */
export interface Episode {
  readonly durationMs: number;
  readonly steps: readonly Step[];
}

export const EPISODES: readonly ((dice: Dice) => Episode)[] = [
  storm,
  ambushes,
  ambushes,
  killsInStorm,
  killsInStorm,
  flush,
  outage,
  outage,
  siteOutage,
  diskFull,
  crashBurst,
  slowLine,
  slowLine,
  lateEffects,
  lateEffects,
  zombie,
  clockJump,
  diskFilled,
];

export function measuredKill(dice: Dice): Episode {
  const atMs = dice.whole(500, 2500);
  const steps: Step[] = [
    { atMs: 0, action: { kind: 'calm' } },
    { atMs, action: { kind: 'measured-kill' } },
  ];
  return { durationMs: atMs + 7000, steps };
}

const FAULTY = ['zoom', 'cdn', 'cdn', 'b2', 'b2', 'b2', 'bunny', 'bunny', 'bunny', 'site'] as const;

function faults(dice: Dice, count: number, withinMs: number): Step[] {
  return Array.from({ length: count }, (): Step => {
    const target = dice.pick(FAULTY);
    return {
      atMs: dice.whole(0, withinMs),
      action: { kind: 'fault', target, fault: throwFault(dice, target) },
    };
  });
}

function expiry(dice: Dice, withinMs: number): Step {
  const tokens = dice.pick([
    'zoom-downloads',
    'zoom-all',
    'b2-account',
    'b2-uploads',
    'bunny-uploads',
  ] as const);
  return { atMs: dice.whole(0, withinMs), action: { kind: 'expire', tokens } };
}

export function storm(dice: Dice): Episode {
  const durationMs = dice.whole(10_000, 16_000);
  const steps = [...faults(dice, dice.whole(16, 26), durationMs - 1000), expiry(dice, durationMs - 1000)];
  return { durationMs, steps: inOrder(steps) };
}

function killsInStorm(dice: Dice): Episode {
  const durationMs = dice.whole(10_000, 15_000);
  const kills = Array.from({ length: dice.whole(2, 3) }, (): Step => {
    const apps = dice.shuffled(APPS).slice(0, dice.happens(0.25) ? 2 : 1);
    return { atMs: dice.whole(500, durationMs - 3000), action: { kind: 'kill', apps } };
  });
  const steps = [...kills, ...faults(dice, dice.whole(10, 18), durationMs - 1000), expiry(dice, durationMs)];
  return { durationMs, steps: inOrder(steps) };
}

function ambushes(dice: Dice): Episode {
  const [first, second] = dice.shuffled(EFFECTS);
  const steps = [first, second].flatMap((effect, index): Step[] =>
    effect === undefined ? [] : [{ atMs: index * 8000, action: { kind: 'ambush', effect } }],
  );
  return { durationMs: 16_000, steps };
}

function flush(dice: Dice): Episode {
  const durationMs = dice.whole(4000, 6000);
  const steps: Step[] = [
    { atMs: dice.whole(0, 1000), action: { kind: 'flush' } },
    ...(dice.happens(0.5)
      ? [{ atMs: dice.whole(1200, 3000), action: { kind: 'kill', apps: [dice.pick(APPS)] } } as const]
      : []),
    expiry(dice, durationMs),
  ];
  return { durationMs, steps: inOrder(steps) };
}

const WHOLE_SERVICE = Number.MAX_SAFE_INTEGER;

function down(dice: Dice): Fault {
  const shared = { on: '*', count: WHOLE_SERVICE };
  return dice.happens(0.5) ? { ...shared, status: 503 } : { ...shared, drop: 'before-handling' };
}

function outage(dice: Dice): Episode {
  const target = dice.pick(['b2', 'b2', 'bunny', 'cdn', 'zoom'] as const);
  const durationMs = dice.whole(5000, 9000);
  const steps: Step[] = [
    { atMs: 0, action: { kind: 'outage', target, fault: down(dice) } },
    { atMs: durationMs - 1000, action: { kind: 'outage-over', target } },
  ];
  if (dice.happens(0.4))
    steps.push({ atMs: dice.whole(1000, 3000), action: { kind: 'kill', apps: ['worker'] } });
  return { durationMs, steps: inOrder(steps) };
}

/** Goes on while the next episodes begin: a website that is down disturbs nothing else. */
function siteOutage(dice: Dice): Episode {
  const endsAtMs = dice.whole(9000, 16_000);
  return {
    durationMs: 2000,
    steps: [
      { atMs: 0, action: { kind: 'outage', target: 'site', fault: down(dice) } },
      { atMs: endsAtMs, action: { kind: 'outage-over', target: 'site' } },
    ],
  };
}

function diskFull(dice: Dice): Episode {
  const durationMs = dice.whole(9000, 12_000);
  return {
    durationMs,
    steps: [
      { atMs: 0, action: { kind: 'disk-full' } },
      { atMs: durationMs - 2000, action: { kind: 'disk-free' } },
    ],
  };
}

function crashBurst(dice: Dice): Episode {
  const times = [0, dice.whole(900, 2500), dice.whole(3000, 5000)];
  return {
    durationMs: 9000,
    steps: times.map((atMs, index) => ({
      atMs,
      action: { kind: 'kill', apps: index === 1 ? ['worker', 'redis'] : ['worker'] },
    })),
  };
}

/** Megabytes wait in the kernel of a worker that is restarted, or whose recording is cancelled, in mid-upload. */
function slowLine(dice: Dice): Episode {
  const target = dice.pick(['b2', 'b2', 'bunny', 'cdn'] as const);
  const steps: Step[] = [
    { atMs: 0, action: { kind: 'calm' } },
    { atMs: 0, action: { kind: 'slow', target, bytesPerSecond: dice.whole(300_000, 800_000) } },
    { atMs: dice.whole(1500, 3500), action: { kind: 'restart', app: 'worker' } },
    { atMs: 8500, action: dice.happens(0.5) ? { kind: 'cancel' } : { kind: 'restart', app: 'worker' } },
    { atMs: 12_000, action: { kind: 'fast', target } },
  ];
  return { durationMs: 13_000, steps };
}

function lateEffects(dice: Dice): Episode {
  const [first, second] = dice.shuffled(LATE_EFFECTS);
  const steps = [first, second].flatMap((effect, index): Step[] => {
    if (effect === undefined) return [];
    const ending = dice.pick(['kill', 'restart'] as const);
    const afterMs = dice.whole(500, 9000);
    return [{ atMs: index * 9000, action: { kind: 'late-effect', effect, ending, afterMs } }];
  });
  return { durationMs: 18_000, steps: [{ atMs: 0, action: { kind: 'calm' } }, ...steps] };
}

function zombie(dice: Dice): Episode {
  const stoppedMs = dice.whole(6500, 9000);
  const steps: Step[] = [
    { atMs: 0, action: { kind: 'calm' } },
    { atMs: dice.whole(0, 1000), action: { kind: 'zombie', stoppedMs } },
  ];
  return { durationMs: stoppedMs + 4000, steps };
}

/** There and back, and the worker dies while the clock is wrong. */
function clockJump(dice: Dice): Episode {
  const offsetS = dice.pick([-3600, -3600, -600, 900, 3600]);
  const steps: Step[] = [
    { atMs: 0, action: { kind: 'clock', offsetS } },
    { atMs: dice.whole(0, 4000), action: { kind: 'kill', apps: ['worker'] } },
    { atMs: 11_000, action: { kind: 'clock', offsetS: 0 } },
    ...(dice.happens(0.5) ? [{ atMs: 11_000, action: { kind: 'kill', apps: ['worker'] } } as const] : []),
  ];
  return { durationMs: 15_000, steps: inOrder(steps) };
}

/** The ledger, Redis, the spool and the uploads find no room, whatever they were about to write. */
function diskFilled(dice: Dice): Episode {
  const durationMs = dice.whole(9000, 12_000);
  const steps: Step[] = [
    { atMs: 0, action: { kind: 'disk-filled' } },
    ...(dice.happens(0.3)
      ? [{ atMs: dice.whole(1000, 3000), action: { kind: 'kill', apps: ['worker'] } } as const]
      : []),
    { atMs: durationMs - 3000, action: { kind: 'disk-emptied' } },
  ];
  return { durationMs, steps };
}

function inOrder(steps: readonly Step[]): Step[] {
  return [...steps].sort((a, b) => a.atMs - b.atMs);
}
