/** A place where what is begun is noted down to be undone. */
export interface Scope {
  /** Has something undone when the scope ends, however it ends; the last first. */
  readonly defer: (undo: () => unknown) => void;
}

/** Does the work and then undoes all that it deferred, also when a step of that fails. */
export async function withScope<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  const undoings: (() => unknown)[] = [];
  try {
    return await work({ defer: (undo) => void undoings.push(undo) });
  } finally {
    for (const undo of undoings.reverse()) {
      try {
        await undo();
      } catch (error) {
        process.stderr.write(`Clean-up failed: ${error instanceof Error ? error.message : error}\n`);
      }
    }
  }
}
