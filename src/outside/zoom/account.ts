import { KnownError } from '../../domain/errors.ts';
import type { ZoomRule } from './rules.ts';

/** Server-to-Server OAuth of one Zoom account. */
export interface ZoomCredentials {
  readonly accountId: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A Zoom account that recordings come from. */
export interface ZoomAccount {
  /** Zoom's id of it; `null` where only one is served and nobody said which. */
  readonly id: string | null;
  /** Any of them signs its webhooks: while a secret is changed the old one and the new one. */
  readonly secrets: readonly string[];
  /** With these Zoom can be asked for addresses of today. */
  readonly credentials: ZoomCredentials | undefined;
  readonly rules: readonly ZoomRule[];
}

/** @throws KnownError `CONFIG_INVALID` if a rule sends recordings a way that there is not */
export function requireRulesKnow(accounts: readonly ZoomAccount[], names: readonly string[]): void {
  const problems = accounts
    .flatMap(({ rules }) => rules)
    .flatMap(({ name, action }) =>
      action === 'ignore' || action.recipe === undefined || names.includes(action.recipe)
        ? []
        : [`  the rule "${name}": there is no recipe "${action.recipe}": there are ${names.join(', ')}`],
    );
  if (problems.length === 0) return;
  throw new KnownError(`The rules for Zoom are not right:\n${problems.join('\n')}`, {
    code: 'CONFIG_INVALID',
  });
}
