import type { Finding } from '../domain/finding.ts';

/** What a wing tells `sluice doctor` of its system. `Settings` is what of the configuration it reads. */
export interface Checkup<Settings> {
  /** What it is called in the doctor's list. */
  readonly name: string;
  /** As in the wing's words, whose settings the advice names. */
  readonly service: string;
  /** The settings without which it is left out. */
  readonly needs: readonly string[];
  /** Looks, and changes nothing. What it throws counts as failed. */
  check(settings: Settings, asked: Asked): Promise<Finding>;
  /** An address whose answers bear the time, where there is one, and the setting that says which. */
  readonly clock?: { readonly setting: string; readonly urlOf: (settings: Settings) => string };
  /** The path at which the system calls, where it has to get through to from outside. */
  readonly door?: string;
  /** Of its secrets those that no service makes: the command that does, by the names of the settings. */
  readonly madeBy?: Readonly<Record<string, string>>;
}

/** How a check is asked. */
export interface Asked {
  readonly signal: AbortSignal;
  /** Somebody wants the website to be sent a signed test announcement. */
  readonly sendsSiteEvent: boolean;
}
