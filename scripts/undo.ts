/** What was begun and is to be undone. */
export interface Undo {
  /** Has something undone when all of it is; the last first. */
  push(step: () => Promise<unknown>): void;
  /** Undoes all of it, also when a step of that fails. */
  close(): Promise<void>;
}

export function createUndo(): Undo {
  const steps: (() => Promise<unknown>)[] = [];
  return {
    push: (step) => void steps.push(step),
    async close() {
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        await step().catch((error: unknown) => process.stderr.write(`Clean-up failed: ${String(error)}\n`));
      }
    },
  };
}
