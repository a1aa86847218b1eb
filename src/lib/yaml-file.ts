import { readFileSync } from 'node:fs';
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { inPlainWords } from './plain-words.ts';

/** More than this is no file that a person has written. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads a YAML or JSON file and checks its shape.
 *
 * @throws KnownError `CONFIG_INVALID`, which lists every problem by its line
 */
export function readYamlFile<T>(path: string, shape: z.ZodType<T>): T {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new KnownError(`${path} cannot be read: ${(error as Error).message}`, {
      code: 'CONFIG_INVALID',
      cause: error,
    });
  }
  return parseYaml(text, path, shape);
}

/**
 * @param name How the file is called in messages.
 * @throws KnownError `CONFIG_INVALID`, which lists every problem by its line
 */
export function parseYaml<T>(text: string, name: string, shape: z.ZodType<T>): T {
  if (text.length > MAX_BYTES) throw invalid(name, [`  it is larger than ${MAX_BYTES} bytes`]);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const lineAt = (offset: number) => lines.linePos(offset).line;
  if (document.errors.length > 0) {
    throw invalid(
      name,
      document.errors.map((error) => `  line ${lineAt(error.pos[0])}: ${error.message}`),
    );
  }

  const value = contentOf(document, name);
  const parsed = parsedBy(shape, value, name);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [undefined];
    return keys.map((key) => {
      const path = [...issue.path, ...(key === undefined ? [] : [key])];
      const what = key === undefined ? issue.message : 'is not known here';
      return { line: lineOf(path), text: `${path.map(String).join('.') || 'the file'}: ${what}` };
    });
  });
  throw invalid(
    name,
    problems.toSorted((a, b) => a.line - b.line).map(({ line, text }) => `  line ${line}: ${text}`),
  );

  /** The line of what a path leads to or, if that is missing, of what it should be in. */
  function lineOf(path: readonly PropertyKey[]): number {
    for (let length = path.length; length > 0; length -= 1) {
      const parent = document.getIn(path.slice(0, length - 1), true);
      const key = path[length - 1];
      const pair = isMap(parent)
        ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
        : undefined;
      const node = isNode(pair?.key) ? pair.key : document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lineAt(node.range[0]);
    }
    return lineAt(document.contents?.range?.[0] ?? 0);
  }
}

/** What zod makes of it; it compares the `length` of whatever it meets, and one that cannot be compared makes it throw. */
function parsedBy<T>(shape: z.ZodType<T>, value: unknown, name: string) {
  try {
    return shape.safeParse(value, { error: inPlainWords });
  } catch {
    throw invalid(name, ['  something in it cannot be read']);
  }
}

/** The content; refuses one whose aliases multiply beyond what a person means. */
function contentOf(document: Document, name: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    throw invalid(name, [`  ${(error as Error).message}`], error);
  }
}

function invalid(name: string, problems: readonly string[], cause?: unknown): KnownError {
  return new KnownError(`${name} is not right:\n${problems.join('\n')}`, { code: 'CONFIG_INVALID', cause });
}
