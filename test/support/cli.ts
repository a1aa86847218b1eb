import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { House } from './house.ts';
import { systemEnvironment } from './processes.ts';

const entry = join(import.meta.dirname, '../../dist/cli/main.js');

export interface CliOptions {
  /** Settings; nothing of this process's own gets through. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the command is typed, and the folder whose .env counts: one without. */
  readonly cwd: string;
}

export interface CliResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  readonly json: any;
}

/** How the command finds a house. */
export function cliOf(house: House, env: Readonly<Record<string, string>> = {}): CliOptions {
  return {
    cwd: house.files,
    env: {
      ...house.environment,
      DATA_DIR: house.config.dataDir,
      REDIS_URL: house.redis.url,
      PIPELINE_PORT: String(house.config.pipeline.port),
      // Where nobody listens.
      TUS_PORT: '1',
      DISK_RESERVE_BYTES: '0',
      ...env,
    },
  };
}

/** Runs the built `sluice` to its end, without a terminal. */
export async function runSluice(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const { child, output } = startSluice(args, options);
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const { stdout, stderr } = output;
  return { exitCode, stdout, stderr, json: parse(stdout) };
}

/** Starts the built `sluice` without a terminal; `output` grows. */
export function startSluice(args: readonly string[], { env, cwd }: CliOptions) {
  const child = spawn(process.execPath, [entry, ...args], { cwd, env: environment(env, cwd) });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output.stderr += text;
  });
  return { child, output };
}

/** A command in a terminal of its own. */
export interface Terminal {
  /** All that was written to it, as it was written. */
  text(): string;
  /** What it shows now, line by line, without colours. */
  screen(): string[];
  /** How often something was drawn over what stood there. */
  redraws(): number;
  /** Whether the cursor was hidden, and is there again. */
  isCursorBack(): boolean;
  /** Presses keys: `\u0003` is Ctrl+C. */
  type(keys: string): void;
  /** The exit code of the command, and whether the terminal's own settings are as they were. */
  readonly ended: Promise<{ exitCode: number; isRestored: boolean }>;
  close(): void;
}

/** Starts the built `sluice` in a pseudo-terminal, by `script` of util-linux. */
export function openTerminal(
  args: readonly string[],
  { env, cwd }: CliOptions,
  size: { columns: number; rows: number } = { columns: 100, rows: 30 },
): Terminal {
  const command = [process.execPath, entry, ...args]
    .map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`)
    .join(' ');
  const shell = [
    `stty cols ${size.columns} rows ${size.rows}; before=$(stty -g)`,
    "trap : INT; echo '<begin>'",
    `${command}; exit=$?`,
    'after=$(stty -g); [ "$before" = "$after" ] && same=yes || same=no',
    'echo "<end $exit $same>"',
  ].join('\n');
  const child: ChildProcess = spawn('script', ['-qec', shell, '/dev/null'], {
    cwd,
    env: { ...environment(env, cwd), SHELL: '/bin/sh', TERM: 'xterm-256color' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (more) => {
    text += more;
  });
  const ended = once(child, 'close').then(() => {
    const [, exitCode, same] = /<end (\d+) (yes|no)>/.exec(text) ?? [];
    if (exitCode === undefined) throw new Error(`the terminal ended early:\n${text}`);
    return { exitCode: Number(exitCode), isRestored: same === 'yes' };
  });
  ended.catch(() => {});
  const own = () => (text.split('<begin>\r\n')[1] ?? '').replace(/<end .*$/s, '');
  return {
    text: own,
    screen: () => render(own()),
    redraws: () => own().split(`${ESCAPE}0J`).length - 1,
    isCursorBack: () =>
      own().includes(HIDE_CURSOR) && own().lastIndexOf(SHOW_CURSOR) > own().lastIndexOf(HIDE_CURSOR),
    type: (keys) => void child.stdin?.write(keys),
    ended,
    close: () => void child.kill(),
  };
}

const ESCAPE = '\u001b[';
const SHOW_CURSOR = `${ESCAPE}?25h`;
const HIDE_CURSOR = `${ESCAPE}?25l`;

/** What a terminal shows that was sent this: the few sequences that `sluice` uses, and an error for any other. */
function render(text: string): string[] {
  const lines = [''];
  let row = 0;
  let column = 0;

  function obey(sequence: string): void {
    if (sequence.endsWith('A')) row = Math.max(0, row - Number(sequence.slice(0, -1)));
    else if (sequence === '0J') {
      lines[row] = lines[row]?.slice(0, column) ?? '';
      lines.length = row + 1;
    } else if (!/^([\d;]*m|\?25[lh])$/.test(sequence)) {
      throw new Error(`unknown sequence ${sequence}`);
    }
  }

  function show(shown: string): void {
    for (const token of shown.split(/(\r|\n)/)) {
      if (token === '\r') column = 0;
      else if (token === '\n') {
        row += 1;
        lines[row] ??= '';
      } else {
        const line = lines[row] ?? '';
        lines[row] = line.slice(0, column).padEnd(column) + token + line.slice(column + token.length);
        column += token.length;
      }
    }
  }

  for (const [index, part] of text.split(ESCAPE).entries()) {
    const [sequence = ''] = index === 0 ? [] : (/^[?\d;]*[A-Za-z]/.exec(part) ?? []);
    if (sequence !== '') obey(sequence);
    show(part.slice(sequence.length));
  }
  return lines;
}

function environment(env: Readonly<Record<string, string>>, cwd: string): Record<string, string> {
  return { ...systemEnvironment(), SLUICE_DIR: cwd, PM2_HOME: join(cwd, 'no-pm2'), ...env };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
