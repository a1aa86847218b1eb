import type { Command } from 'commander';
import { pipelineUrlOf } from '../config/config.ts';
import { KnownError } from '../domain/errors.ts';
import type { Api } from './api.ts';
import { type Trouble, usageFailure } from './failure.ts';
import type { Io, Screen } from './io.ts';
import { createPaint, type Paint, type Style } from './paint.ts';
import { printable } from './text-width.ts';

/** What one run of a command works with: the options that all commands share, and how it answers. */
export interface Session {
  /** @throws Failure, when it is asked for, if the address of the settings is none */
  readonly api: Api;
  /** The pipeline server that was named in place of that of the settings. */
  readonly serverUrl: string | undefined;
  readonly signal: AbortSignal;
  readonly isJson: boolean;
  /** Whether a person looks on: no --json, and a terminal. */
  readonly isLive: boolean;
  readonly paint: Paint;
  /** Standard output. */
  readonly screen: Screen;
  /** The width to keep to, or `undefined` where the answer goes into a file or a pipe. */
  readonly columns: number | undefined;
  write(text: string): void;
  /** Prints lines of the answer. */
  print(...lines: string[]): void;
  /** Prints an answer for programs, in one line. */
  printJson(value: unknown): void;
  /** Says on standard error what a person should know beside the answer; in their colours. */
  remark(...lines: readonly (readonly [Style | undefined, string])[]): void;
  /** Says on standard error what could not be done, after what it was about. */
  complain(trouble: Trouble, about?: string): void;
}

interface CommonOptions {
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
  readonly color?: boolean;
}

/** @throws Failure if the address that was named is none */
export function openSession(io: Io, command: Command): Session {
  const options = command.optsWithGlobals<CommonOptions>();
  const isJson = options.json ?? false;
  const isDeclined = options.color === false;
  const serverUrl = options.url ?? (io.env['SLUICE_URL']?.trim() || undefined);
  if (serverUrl !== undefined && !isAddress(serverUrl)) {
    throw usageFailure(`${serverUrl} is no address.`, 'Give one such as http://127.0.0.1:9009.');
  }
  const token =
    options.token ?? (io.env['SLUICE_TOKEN']?.trim() || io.env['ADMIN_TOKEN']?.trim() || undefined);
  const { stdout } = io;

  return {
    get api() {
      return io.connect({ url: serverUrl ?? urlOfSettings(io), token });
    },
    serverUrl,
    signal: io.signal,
    isJson,
    isLive: stdout.isTTY && !isJson,
    paint: createPaint(stdout, isDeclined),
    screen: stdout,
    columns: stdout.isTTY ? stdout.columns : undefined,
    write: (text) => stdout.write(text),
    print: (...lines) => stdout.write(lines.map((line) => `${line}\n`).join('')),
    printJson: (value) => stdout.write(`${JSON.stringify(value)}\n`),
    remark: (...lines) => {
      const paint = createPaint(io.stderr, isDeclined);
      io.stderr.write(lines.map(([style, line]) => `${paint(style, line)}\n`).join(''));
    },
    complain: (trouble, about) => complain(io, { isJson, isDeclined }, trouble, about),
  };
}

function isAddress(url: string): boolean {
  return /^https?:\/\//.test(url) && URL.canParse(url);
}

function urlOfSettings({ env }: Pick<Io, 'env'>): string {
  const url = pipelineUrlOf(env);
  if (isAddress(url)) return url;
  throw new KnownError(`${url} is no address: see PIPELINE_HOST, PIPELINE_PORT and PIPELINE_URL`, {
    code: 'CONFIG_INVALID',
  });
}

/** Says on standard error what could not be done: for people in red, for programs as one JSON object. */
export function complain(
  io: Pick<Io, 'stderr'>,
  options: { readonly isJson: boolean; readonly isDeclined: boolean },
  trouble: Trouble,
  about?: string,
): void {
  if (options.isJson) {
    io.stderr.write(`${JSON.stringify({ error: trouble, ...(about === undefined ? {} : { about }) })}\n`);
    return;
  }
  const paint = createPaint(io.stderr, options.isDeclined);
  const { code, title, detail, advice } = trouble;
  // Of a bug the whole stack is wanted.
  const told = code === 'UNEXPECTED' ? detail : printable(detail);
  const lead = about === undefined ? '' : `${printable(about)}: `;
  io.stderr.write(`${paint('red', `${lead}${[title, told].filter(Boolean).join(' ')}`)}\n${advice}\n`);
}
