import type { Fault } from '../../simulators/shared/faults.ts';
import type { Dice } from './dice.ts';
import { KEPT_TWICE_TITLE } from './recipes.ts';

/** How one address fails while all others work. */
type Sickness = Omit<Fault, 'on'>;
const SICKNESSES: readonly [Sickness, ...Sickness[]] = [
  { status: 503 },
  { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Sign in</title>' },
  { drop: 'before-handling' },
  { stall: true },
];

interface Shared {
  readonly atMs: number;
  readonly name: string;
  readonly title: string;
  /** The process behind the door is killed so long after the request that decides was sent. */
  readonly doorKillAfterMs: number | undefined;
  /** Whether it is archived to the folder as well. */
  readonly isKeptTwice: boolean;
  /** How many further runs each of its recordings gets once it is home. */
  readonly furtherRuns: number;
}

/** One thing to be sent through a door. `*AfterMs` counts from its first sending. */
export type Shipment =
  | (Shared & {
      readonly door: 'zoom';
      /** One MP4 per size. */
      readonly fileBytes: readonly number[];
      /** Further webhooks about the same meeting, with other addresses; an older one was made before the first. */
      readonly repeats: readonly { readonly afterMs: number; readonly isOlder: boolean }[];
      /** The address of its first file fails for so long, whatever the service does for others. */
      readonly sickness: { readonly fault: Omit<Fault, 'on'>; readonly forMs: number } | undefined;
    })
  | (Shared & {
      readonly door: 'tus';
      readonly bytes: number;
      /** After which shares of the file the connection breaks. */
      readonly cutsAt: readonly number[];
      /** Whether the tutor sends it from a second tab as well. */
      readonly hasTwin: boolean;
    })
  | (Shared & {
      readonly door: 'custom';
      readonly bytes: number;
      readonly hasAceId: boolean;
      readonly keepsFile: boolean;
      readonly repeatAfterMs: number | undefined;
    });

/** A few at once, so that something moves from the first second on; the others over three quarters of the time. */
export function planShipments(dice: Dice, durationMs: number, recordings: number): Shipment[] {
  const shipments: Shipment[] = [];
  for (let left = recordings; left > 0; ) {
    const index = shipments.length;
    const atMs = index < 4 ? index * 100 : dice.whole(1000, durationMs * 0.75);
    const shipment = planShipment(dice, index, atMs, left);
    shipments.push(shipment);
    left -= shipment.door === 'zoom' ? shipment.fileBytes.length : 1;
  }
  return shipments.sort((a, b) => a.atMs - b.atMs);
}

function planShipment(dice: Dice, index: number, atMs: number, left: number): Shipment {
  const name = `r${String(index).padStart(3, '0')}`;
  // Some share their title: a video whose id was lost has to be told from theirs.
  const topic = dice.happens(0.3) ? 'Weekly lesson' : `Lesson ${name}`;
  const isKeptTwice = dice.happens(0.33);
  const shared = {
    atMs,
    name,
    title: isKeptTwice ? `${topic}, ${KEPT_TWICE_TITLE}` : topic,
    doorKillAfterMs: dice.happens(0.2) ? dice.whole(0, 40) : undefined,
    isKeptTwice,
    furtherRuns: dice.pick([0, 0, 1, 2] as const),
  };
  switch (dice.pick(['zoom', 'zoom', 'tus', 'custom'] as const)) {
    case 'zoom': {
      const files = left > 1 && dice.happens(0.25) ? 2 : 1;
      const repeats = dice.happens(0.5) ? dice.whole(1, 2) : 0;
      return {
        ...shared,
        door: 'zoom',
        fileBytes: Array.from({ length: files }, () => size(dice)),
        repeats: Array.from({ length: repeats }, () => ({
          afterMs: dice.whole(0, 20_000),
          isOlder: dice.happens(0.5),
        })),
        sickness: dice.happens(0.15)
          ? { fault: dice.pick(SICKNESSES), forMs: dice.whole(15_000, 40_000) }
          : undefined,
      };
    }
    case 'tus':
      return {
        ...shared,
        door: 'tus',
        bytes: size(dice),
        cutsAt: Array.from({ length: dice.whole(0, 3) }, () => dice.next() * 0.95).sort((a, b) => a - b),
        hasTwin: dice.happens(0.25),
      };
    case 'custom':
      return {
        ...shared,
        door: 'custom',
        bytes: size(dice),
        hasAceId: dice.happens(0.5),
        keepsFile: dice.happens(0.4),
        repeatAfterMs: dice.happens(0.4) ? dice.whole(0, 10_000) : undefined,
      };
  }
}

/** Bytes: small ones that go in one request, and some of several parts. */
function size(dice: Dice): number {
  const range = dice.pick([
    [400_000, 4_000_000],
    [400_000, 4_000_000],
    [4_000_000, 12_000_000],
    [12_000_000, 24_000_000],
  ] as const);
  return dice.whole(range[0], range[1]);
}
