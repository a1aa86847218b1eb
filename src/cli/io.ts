import type { Config, SettingProblem } from '../config/config.ts';
import type { FileReport } from '../domain/media/file-report.ts';
import type { RecipesFile } from '../recipes/recipes-file.ts';
import type { Api } from './api.ts';

/** Where a command writes to. */
export interface Screen {
  /** What says whether it takes colours. */
  readonly stream: NodeJS.WritableStream;
  write(text: string): void;
  readonly isTTY: boolean;
  /** In characters. */
  readonly columns: number;
  readonly rows: number;
}

/** All that commands see of the world; only main.ts makes one from the process itself. */
export interface Io {
  readonly stdout: Screen;
  readonly stderr: Screen;
  readonly stdin: NodeJS.ReadableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where the paths begin that people name. */
  readonly cwd: string;
  /** The folder that Sluice runs in: the one of its .env and ecosystem.config.js. */
  readonly home: string;
  /** Ends what runs, on Ctrl+C. */
  readonly signal: AbortSignal;
  connect(server: { url: string; token: string | undefined }): Api;
  /** The text of the `.env` there, if there is one; it is read into `env` already. */
  readonly envFile: string | undefined;
  /** As much of the configuration as there is, and what is missing or wrong. */
  examineConfig(): { readonly config: Config; readonly problems: readonly SettingProblem[] };
  /** @throws KnownError `CONFIG_INVALID`, which lists every problem by its line */
  readRecipes(path: string): Promise<RecipesFile>;
  /** What is in a file of this machine, by its absolute path. @throws KnownError if it cannot be looked into */
  probeFile(path: string): Promise<FileReport>;
  /** Runs another program of Sluice in place of this one, and resolves with its exit code. */
  runSweeper(args: readonly string[]): Promise<number>;
  /** Asks a person who is at the terminal, and resolves with the answer; `undefined` if nobody is there. */
  ask(question: string): Promise<string | undefined>;
  setExitCode(exitCode: number): void;
}
