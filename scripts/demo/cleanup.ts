/** What is to be undone at the end, last come first undone. */
export interface Cleanup {
  add(undo: () => Promise<void>): void;
  /** Undoes everything, also when one of the steps fails; gives back what failed. */
  run(): Promise<readonly unknown[]>;
}

export function createCleanup(): Cleanup {
  const steps: (() => Promise<void>)[] = [];

  return {
    add(undo) {
      steps.push(undo);
    },
    async run() {
      const failures: unknown[] = [];
      for (let undo = steps.pop(); undo !== undefined; undo = steps.pop()) {
        await undo().catch((error: unknown) => failures.push(error));
      }
      return failures;
    },
  };
}
