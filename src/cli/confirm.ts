import { usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import type { Session } from './session.ts';

/**
 * Asks a person whether something is meant. Whoever is not at a terminal says --yes beforehand.
 *
 * @param instead What to add to the command line where nobody can be asked
 * @throws Failure (usage)
 */
export async function confirm(
  io: Io,
  session: Session,
  question: string,
  instead = 'Add --yes.',
): Promise<boolean> {
  const answer = session.isLive ? await io.ask(`${question} [y/N] `) : undefined;
  if (answer === undefined) throw usageFailure('Nobody is there to ask whether this is meant.', instead);
  return /^y(es)?$/i.test(answer.trim());
}
