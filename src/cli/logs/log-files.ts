import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type LogLine, readLogLine } from './log-line.ts';

/** Who writes logs: the three processes, and the managed Redis. */
export const LOG_APPS = ['worker', 'pipeline', 'tus', 'redis'] as const;
export type LogApp = (typeof LOG_APPS)[number];

const STREAMS = ['out', 'error'] as const;

/** What a process writes to one of its outputs, and where the next line of it begins, in bytes. */
export interface LogFile {
  readonly app: LogApp;
  readonly stream: (typeof STREAMS)[number];
  readonly path: string;
  position: number;
}

/** Whether a line is wanted; the text alone may tell that it is not. */
export interface Wanted {
  mayBe(text: string): boolean;
  is(line: LogLine): boolean;
}

/** The files of these apps, also those that are not there yet. */
export function logFiles(folder: string, apps: readonly LogApp[]): LogFile[] {
  return apps.flatMap((app) =>
    STREAMS.map((stream) => ({ app, stream, path: join(folder, `${app}-${stream}.log`), position: 0 })),
  );
}

/** When something was last written to one of them; `undefined` where there is none. */
export async function lastWrittenMs(files: readonly LogFile[]): Promise<number | undefined> {
  const times = await Promise.all(files.map(async ({ path }) => (await statOf(path))?.mtimeMs));
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** The last lines that are wanted, of all files together and in the order of their times; those put aside count. */
export async function lastLines(
  files: readonly LogFile[],
  wanted: Wanted,
  options: { readonly limit: number; readonly sinceMs: number },
): Promise<LogLine[]> {
  const all: LogLine[] = [];
  for (const file of files) all.push(...(await lastOfFile(file, wanted, options)));
  return byTime(all).slice(-options.limit);
}

/** What was written since it was last looked, also where the file was put aside in between. */
export async function newLines(files: readonly LogFile[], wanted: Wanted): Promise<LogLine[]> {
  const all: LogLine[] = [];
  for (const file of files) {
    const size = (await statOf(file.path))?.size ?? 0;
    if (size < file.position) {
      for await (const line of linesOf(file, `${file.path}.1`, file.position)) {
        if (wanted.is(line.line)) all.push(line.line);
      }
      file.position = 0;
    }
    if (size === file.position) continue;
    for await (const { line, end } of linesOf(file, file.path, file.position)) {
      file.position = end;
      if (wanted.mayBe(line.text) && wanted.is(line)) all.push(line);
    }
  }
  return byTime(all);
}

async function lastOfFile(
  file: LogFile,
  wanted: Wanted,
  { limit, sinceMs }: { readonly limit: number; readonly sinceMs: number },
): Promise<LogLine[]> {
  let found: LogLine[] = [];
  for (const path of [file.path, ...(await putAside(file.path))]) {
    const written = await statOf(path);
    if (written === undefined || written.mtimeMs < sinceMs) continue;
    const lines: LogLine[] = [];
    for await (const { line, end } of linesOf(file, path, 0)) {
      if (path === file.path) file.position = end;
      if (!wanted.mayBe(line.text) || !wanted.is(line)) continue;
      lines.push(line);
      // Not one by one: that would move all of them each time.
      if (lines.length > 2 * limit + 1000) lines.splice(0, lines.length - limit);
    }
    found = [...lines, ...found];
    if (found.length >= limit) break;
  }
  return found.slice(-limit);
}

/** What was put aside of a file, the newest first. */
async function putAside(path: string): Promise<string[]> {
  const folder = join(path, '..');
  const name = path.slice(folder.length + 1);
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((each) => (each.startsWith(`${name}.`) ? [Number(each.slice(name.length + 1))] : []))
    .filter((number) => Number.isInteger(number))
    .sort((a, b) => a - b)
    .map((number) => `${path}.${number}`);
}

/** The whole lines of a file from a byte on, and where each ends. What says no time is as old as what is before it. */
async function* linesOf(
  { app, stream }: LogFile,
  path: string,
  from: number,
): AsyncGenerator<{ line: LogLine; end: number }> {
  let timeMs = (await statOf(path))?.mtimeMs ?? Date.now();
  let end = from;
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(path, { start: from }) as AsyncIterable<Buffer>) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let start = 0;
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, start)) {
        const text = bytes.toString('utf8', start, at);
        end += at + 1 - start;
        start = at + 1;
        if (text === '') continue;
        const level = stream === 'error' ? 'error' : 'info';
        const line = readLogLine(text, { app, level, timeMs });
        timeMs = line.timeMs;
        yield { line, end };
      }
      rest = bytes.subarray(start);
    }
  } catch (error) {
    // It may be put aside at this very moment.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function byTime(lines: readonly LogLine[]): LogLine[] {
  return [...lines].sort((a, b) => a.timeMs - b.timeMs);
}

async function statOf(path: string): Promise<{ size: number; mtimeMs: number } | undefined> {
  return await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}
