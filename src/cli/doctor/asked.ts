import { type Finding, skip } from '../../domain/finding.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';

/** What comes of asking the pipeline; where it does not answer, which has a check of its own, there is nothing to look at. */
export async function asked(ask: () => Promise<Finding>): Promise<Finding> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Failure && error.exitCode === EXIT.unreachable)
      return skip('needs the pipeline, which does not answer');
    throw error;
  }
}
