/** From the least to the worst. */
export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = (typeof LEVELS)[number];

/** A line of a log: JSON of ours, or what else a process or its crash has written. */
export interface LogLine {
  readonly app: string;
  readonly timeMs: number;
  readonly level: Level;
  /** As it stands in the file. */
  readonly text: string;
  /** What it says, without what would move a terminal's cursor. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What is known of a line that does not say it itself. */
export interface LineOrigin {
  readonly app: string;
  readonly level: Level;
  readonly timeMs: number;
}

export function readLogLine(text: string, origin: LineOrigin): LogLine {
  const fields = parseFields(text);
  if (fields === undefined) return plainLine(text, origin);
  const { app, time, level } = fields;
  return {
    app: typeof app === 'string' ? app : origin.app,
    timeMs: typeof time === 'string' ? Date.parse(time) || origin.timeMs : origin.timeMs,
    level: isLevel(level) ? level : origin.level,
    text,
    fields,
  };
}

/** Redis's own lines begin with its process, role, time and a mark for the level; a crash has none of that. */
function plainLine(text: string, origin: LineOrigin): LogLine {
  const [, time = '', mark = ''] =
    /^\d+:[A-Z] (\d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) ([.\-*#]) /.exec(text) ?? [];
  const timeMs = Date.parse(time) || origin.timeMs;
  const level = REDIS_LEVELS[mark] ?? origin.level;
  const { app } = origin;
  const fields = { app, level, time: new Date(timeMs).toISOString(), msg: harmless(text) };
  return { app, timeMs, level, text, fields };
}

const REDIS_LEVELS: Readonly<Record<string, Level>> = {
  '.': 'debug',
  '-': 'debug',
  '*': 'info',
  '#': 'warn',
};

const isLevel = (value: unknown): value is Level => LEVELS.some((level) => level === value);

function parseFields(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text, (_key, value) => (typeof value === 'string' ? harmless(value) : value));
  } catch {
    return undefined;
  }
}

/** Lines come from anywhere, a file's name say: they neither move the cursor nor turn the line around. */
function harmless(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '');
}
