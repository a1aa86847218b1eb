import type { Fault } from '../../simulators/shared/faults.ts';
import { createDice, type Dice } from './dice.ts';
import { EFFECTS, type Effect, type Target, throwFault } from './fault-menu.ts';
import { planShipments, type Shipment } from './shipments.ts';

/** The apps of ecosystem.config.js. */
export const APPS = ['worker', 'pipeline', 'tus', 'redis'] as const;
export type App = (typeof APPS)[number];

export type ExpiredTokens = 'zoom-downloads' | 'zoom-all' | 'b2-account' | 'b2-uploads' | 'bunny-uploads';

/**
 * - `calm`: no more faults of Zoom, B2 and Bunny
 * - `measured-kill`: kill -9 of the worker while bytes move, and nothing else until they move again
 * - `ambush`: the next request of this kind takes effect, its answer is lost, and the worker is killed at that moment
 * - `outage`: a service answers nothing until `outage-over`
 */
export type Action =
  | { readonly kind: 'calm' }
  | { readonly kind: 'fault'; readonly target: Target; readonly fault: Fault }
  | { readonly kind: 'kill'; readonly apps: readonly App[] }
  | { readonly kind: 'measured-kill' }
  | { readonly kind: 'ambush'; readonly effect: Effect }
  | { readonly kind: 'expire'; readonly tokens: ExpiredTokens }
  | { readonly kind: 'flush' }
  | { readonly kind: 'outage'; readonly target: Target; readonly fault: Fault }
  | { readonly kind: 'outage-over'; readonly target: Target }
  | { readonly kind: 'disk-full' }
  | { readonly kind: 'disk-free' };

export interface Step {
  readonly atMs: number;
  readonly action: Action;
}

/** All that happens, decided before anything does. */
export interface Plan {
  readonly durationMs: number;
  readonly steps: readonly Step[];
  readonly shipments: readonly Shipment[];
}

/** The same numbers make the same plan. */
export function makePlan(options: { seed: number; durationMs: number; recordings: number }): Plan {
  const { seed, durationMs, recordings } = options;
  return {
    durationMs,
    steps: planSteps(createDice(seed), durationMs),
    shipments: planShipments(createDice(seed ^ 0x5eed), durationMs, recordings),
  };
}

/** A stretch of the run: its steps, counted from its beginning, and how long it takes. */
interface Episode {
  readonly durationMs: number;
  readonly steps: readonly Step[];
}

const EPISODES: readonly ((dice: Dice) => Episode)[] = [
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
];

/** Faults that nothing has met yet stay for the next episode. Every third episode is a kill that is measured; the others come in ever new order, each before any comes again. */
function planSteps(dice: Dice, durationMs: number): Step[] {
  const steps: Step[] = [];
  let atMs = 3000;
  let deck: ((dice: Dice) => Episode)[] = [];
  for (let count = 0; atMs < durationMs; count += 1) {
    if (deck.length === 0) deck = dice.shuffled(EPISODES);
    const make = count % 3 === 0 ? measuredKill : (deck.pop() ?? storm);
    const episode = make(dice);
    const begin = atMs;
    steps.push(...episode.steps.map((step) => ({ ...step, atMs: begin + step.atMs })));
    atMs += episode.durationMs;
  }
  return steps
    .map((step, index) => ({ step, index }))
    .sort((a, b) => a.step.atMs - b.step.atMs || a.index - b.index)
    .map(({ step }) => step)
    .filter((step) => step.atMs <= durationMs);
}

function measuredKill(dice: Dice): Episode {
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

function storm(dice: Dice): Episode {
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

function inOrder(steps: readonly Step[]): Step[] {
  return [...steps].sort((a, b) => a.atMs - b.atMs);
}
