import { parseEnv } from 'node:util';
import { defaultText } from './example.ts';
import { strangeNames } from './setting-names.ts';
import { settings } from './settings.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Blanks that nobody sees and no program cuts off. */
const INVISIBLE = /[\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060\ufeff]/;

const QUOTES: readonly string[] = ['"', "'", '`'];
const TYPOGRAPHIC = /^[“”„‘’‚«»]|[“”„‘’‚«»]$/;

/**
 * What is odd about how settings are written, though none of it need be wrong: names that nobody reads, lines that are
 * none, values that are not what they look like. In sentences, without any value.
 *
 * @param env As it is after `.env` was read into it.
 * @param envFile The text of `.env`, if there is one.
 */
export function settingWarnings(env: Env, envFile: string | undefined): string[] {
  const inFile = envFile === undefined ? {} : parseEnv(envFile);
  const outside = Object.keys(env).filter((name) => !(name in inFile));
  const strange = [
    ...strangeNames(Object.keys(inFile).filter(isName), { isOwnFile: true }),
    ...strangeNames(outside, { isOwnFile: false }),
  ];
  return [
    ...(envFile === undefined ? [] : lineWarnings(envFile, inFile)),
    ...strange.map(({ name, meant }) =>
      meant === undefined
        ? `${name} is no setting of Sluice: nobody reads it`
        : `${name} is no setting of Sluice: did you mean ${meant}?`,
    ),
    ...Object.keys(settings).flatMap((name) => valueWarnings(name, env[name], inFile[name])),
  ];
}

function isName(text: string): boolean {
  return /^[A-Za-z_]\w*$/.test(text);
}

function valueWarnings(name: string, value: string | undefined, valueInFile: string | undefined): string[] {
  if (value === undefined) return [];
  const trimmed = value.trim();
  const first = trimmed[0] ?? '';
  const isQuoted = trimmed.length > 1 && QUOTES.includes(first) && trimmed.endsWith(first);
  return [
    isQuoted && `${name} begins and ends with a quote that is part of its value: leave it out`,
    TYPOGRAPHIC.test(trimmed) &&
      `${name} begins or ends with a typographic quote that is part of its value: write " or nothing`,
    INVISIBLE.test(value) && `${name} holds an invisible character: type it anew instead of copying it`,
    /(KEY|KEY_ID|SECRET|TOKEN)(_OLD)?$/.test(name) &&
      /\s/.test(trimmed) &&
      `${name} has a blank in it, which keys and secrets do not have`,
    valueInFile !== undefined &&
      valueInFile.trim() !== '' &&
      valueInFile !== value &&
      `${name} is set in the environment too, to something else than in .env: the environment counts`,
  ].filter((text) => text !== false);
}

/** What lines of the file are not what they seem to be. */
function lineWarnings(text: string, parsed: Env): string[] {
  const warnings: string[] = [];
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  /** Where a name got its last value: what stands in .env.example, nothing or a default, is none. */
  const seen = new Map<string, number>();
  for (let at = 0; at < lines.length; at += 1) {
    const line = (lines[at] ?? '').trim();
    if (line === '' || line.startsWith('#')) continue;
    const where = `line ${at + 1} of .env`;
    const [, name = '', rest = ''] = /^(?:export\s+)?([^=]*?)\s*=(.*)$/.exec(line) ?? [];
    if (!line.includes('=')) {
      // Older versions of Node join it with the next line.
      const lost = Object.keys(parsed).find((key) => key.includes('\n') && key.split('\n').includes(line));
      const next = lost?.split('\n').at(-1)?.trim();
      const consequence = next === undefined ? 'it is no setting' : `${next} below it is lost with it`;
      warnings.push(`${where} has no "=": ${consequence}`);
      continue;
    }
    if (!isName(name)) {
      warnings.push(`${where} does not begin with the name of a setting`);
      continue;
    }
    const before = seen.get(name);
    if (before !== undefined) {
      warnings.push(`${name} is set twice in .env (lines ${before} and ${at + 1}): the last one counts`);
    }
    if (!isAsShipped(name, rest)) seen.set(name, at + 1);
    const { warning, lastLine } = judgeValue(rest.trim(), lines, at);
    if (warning !== undefined) warnings.push(`${name} (${where}): ${warning}`);
    at = lastLine;
  }
  return warnings;
}

function isAsShipped(name: string, value: string): boolean {
  if (/^\s*(''|""|``)?\s*(#.*)?$/.test(value)) return true;
  return name in settings && value.trim() === defaultText(settings[name as keyof typeof settings]);
}

/** What a value as it is written is taken for, and the line in which it ends. */
function judgeValue(
  value: string,
  lines: readonly string[],
  at: number,
): { warning?: string; lastLine: number } {
  const quote = value[0] ?? '';
  if (!QUOTES.includes(quote)) {
    const isCut = /[^\s]#/.test(value);
    return isCut
      ? { warning: 'from # on it is taken for a comment: put the value in quotes', lastLine: at }
      : { lastLine: at };
  }
  const end = value.indexOf(quote, 1);
  if (end > 0) {
    const behind = value.slice(end + 1).trim();
    return behind === '' || behind.startsWith('#')
      ? { lastLine: at }
      : { warning: 'what stands behind its closing quote is left out', lastLine: at };
  }
  const closing = lines.findIndex((line, index) => index > at && line.includes(quote));
  if (closing < 0) return { warning: 'its quote is not closed', lastLine: at };
  return {
    warning: `its quote is closed only in line ${closing + 1}: all between is taken for its value`,
    lastLine: closing,
  };
}
