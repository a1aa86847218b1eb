/** What keeps the demo from going on: one line for the user and, where a process is to blame, its log. */
export class DemoFailure extends Error {
  readonly logPath: string | undefined;

  constructor(message: string, options: { readonly logPath?: string; readonly cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'DemoFailure';
    this.logPath = options.logPath;
  }
}
