/** What a command has to do with: the environment, and where it writes what was asked for. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One line, or several. With `--json` it is the answer and nothing else. */
  out(text: string): void;
}
