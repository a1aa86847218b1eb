import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The user, or the system, wants a script to end. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super('interrupted');
    this.name = 'Interrupted';
    this.exitCode = exitCode;
  }
}

/** Is aborted by whatever ends a script that has something to clean up: a signal, an error that nobody has caught. */
export function listenForEnding(): AbortController {
  const ending = new AbortController();
  // A terminal's Ctrl-C may arrive twice, once from the terminal and once handed down by npm or tsx.
  for (const name of SIGNALS) {
    process.on(name, () => ending.abort(new Interrupted(128 + constants.signals[name])));
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => ending.abort(error));
  }
  // A reader that has gone, such as `head`, is no reason to leave anything behind.
  process.stdout.on('error', () => ending.abort(new Interrupted(1)));
  return ending;
}
