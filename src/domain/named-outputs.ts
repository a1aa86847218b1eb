/** What the ledger has of a recording's steps, by their ids. */
interface Recorded {
  readonly facts: Readonly<Record<string, object | undefined>>;
  readonly checkpoints: Readonly<Record<string, object | undefined>>;
}

/** The prefixes below which outputs lie that a step has proved, or would go on with. */
export function nameOutputs({ facts, checkpoints }: Recorded, step: string): string[] {
  return [facts[step], checkpoints[step]].flatMap((said) => {
    const prefix: unknown = Reflect.get(Object(said), 'prefix');
    return typeof prefix === 'string' ? [prefix] : [];
  });
}
