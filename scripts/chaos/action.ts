import type { Fault } from '../../simulators/shared/faults.ts';
import type { Effect, Target } from './fault-menu.ts';

/** The apps of ecosystem.config.js. */
export const APPS = ['worker', 'pipeline', 'tus', 'redis'] as const;
export type App = (typeof APPS)[number];

export type ExpiredTokens = 'zoom-downloads' | 'zoom-all' | 'b2-account' | 'b2-uploads' | 'bunny-uploads';

/**
 * - `calm`: no more faults of Zoom, B2 and Bunny
 * - `measured-kill`: kill -9 of the worker while bytes move, and nothing else until they move again
 * - `ambush`: the next request of this kind takes effect, its answer is lost, and the worker is killed at that moment
 * - `late-effect`: the next request of this kind is heard to its end, the worker is ended, and then it takes effect
 * - `outage`: a service answers nothing until `outage-over`
 * - `disk-full`: no disk has the reserve that is asked for, until `disk-free`
 * - `disk-filled`: the file system under `DATA_DIR` has no byte left, until `disk-emptied`
 * - `slow`: a service's line is slow, until `fast`
 * - `restart`: an orderly restart, as an operator does it
 * - `cancel`: an operator cancels the recording that moves
 * - `zombie`: the worker is stopped for longer than its lease, another one takes over, and then it goes on
 * - `clock`: the clock of all processes jumps to so many seconds from the true time
 */
export type Action =
  | { readonly kind: 'calm' }
  | { readonly kind: 'fault'; readonly target: Target; readonly fault: Fault }
  | { readonly kind: 'kill'; readonly apps: readonly App[] }
  | { readonly kind: 'measured-kill' }
  | { readonly kind: 'ambush'; readonly effect: Effect }
  | {
      readonly kind: 'late-effect';
      readonly effect: Effect;
      readonly afterMs: number;
      /** How the worker ends meanwhile. */
      readonly ending: 'kill' | 'restart';
    }
  | { readonly kind: 'expire'; readonly tokens: ExpiredTokens }
  | { readonly kind: 'flush' }
  | { readonly kind: 'outage'; readonly target: Target; readonly fault: Fault }
  | { readonly kind: 'outage-over'; readonly target: Target }
  | { readonly kind: 'disk-full' }
  | { readonly kind: 'disk-free' }
  | { readonly kind: 'disk-filled' }
  | { readonly kind: 'disk-emptied' }
  | { readonly kind: 'slow'; readonly target: Target; readonly bytesPerSecond: number }
  | { readonly kind: 'fast'; readonly target: Target }
  | { readonly kind: 'restart'; readonly app: App }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'zombie'; readonly stoppedMs: number }
  | { readonly kind: 'clock'; readonly offsetS: number };

export interface Step {
  readonly atMs: number;
  readonly action: Action;
}

/** An action in words. */
export function describe(action: Action): string {
  switch (action.kind) {
    case 'fault':
    case 'outage':
      return `${action.kind} of ${action.target}: ${JSON.stringify(action.fault)}`;
    case 'kill':
      return `kill -9 ${action.apps.join(' and ')}`;
    case 'measured-kill':
      return 'kill -9 worker, measured';
    case 'ambush':
      return `ambush: ${action.effect.target} ${action.effect.on}`;
    case 'late-effect':
      return `takes effect ${action.afterMs} ms after ${action.ending} of the worker: ${action.effect.on}`;
    case 'expire':
      return `expired: ${action.tokens}`;
    case 'outage-over':
      return `${action.target} is back`;
    case 'slow':
      return `${action.target} takes ${action.bytesPerSecond} bytes a second`;
    case 'fast':
      return `${action.target} is fast again`;
    case 'restart':
      return `orderly restart of ${action.app}`;
    case 'zombie':
      return `worker stopped for ${action.stoppedMs} ms while another takes over`;
    case 'clock':
      return `clock at ${action.offsetS} s from the true time`;
    default:
      return action.kind.replace('-', ' ');
  }
}
