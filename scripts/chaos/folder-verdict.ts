import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { FOLDER_STEP } from './recipes.ts';
import type { Finding, Known } from './verdict.ts';

/** What the store says of one of its files. */
interface Mark {
  readonly id: string;
  readonly name: string;
  readonly recordingId: string;
}

/** What lies in the folder that is a store. */
interface Contents {
  /** The SHA-1 of every file, by its name. */
  readonly files: ReadonlyMap<string, string>;
  readonly marks: readonly Mark[];
  /** What else lies with the marks, by its path in the folder. */
  readonly scraps: readonly string[];
  /** Folders of files that were never finished. */
  readonly unfinished: readonly Unfinished[];
}

interface Unfinished {
  readonly id: string;
  readonly recordingId: string | undefined;
}

/** Each recording that is kept twice has one whole file there, which is the one that the ledger names; and nothing else lies there. */
export async function judgeFolder(folder: string, known: readonly Known[]): Promise<Finding[]> {
  const { files, marks, scraps, unfinished } = await contentsOf(folder);
  const expected = known.filter(({ sent, recording }) => sent.isKeptTwice && recording.state !== 'cancelled');
  const expectedIds = new Set(expected.map(({ recording }) => recording.id));
  const findings = expected.flatMap((each) => [...judgeOne(each, files, marks)]);

  for (const { id, name, recordingId } of marks) {
    if (!files.has(name)) {
      findings.push({
        kind: 'left',
        recordingId,
        text: `the folder has the mark of ${name} (${id}), and no such file`,
      });
    } else if (!expectedIds.has(recordingId)) {
      findings.push({
        kind: 'left',
        recordingId,
        text: `the folder has ${name} (${id}), and ${recordingId} is to have none there`,
      });
    }
  }
  const marked = new Set(marks.map(({ name }) => name));
  for (const name of files.keys()) {
    if (!marked.has(name)) findings.push({ kind: 'left', text: `the folder has ${name}, without a mark` });
  }
  for (const path of scraps) findings.push({ kind: 'left', text: `the folder has ${path}` });
  for (const { id, recordingId } of unfinished) {
    const text = `the folder has the unfinished file ${id}`;
    findings.push({ kind: 'left', text, ...(recordingId === undefined ? {} : { recordingId }) });
  }
  return findings;
}

function* judgeOne(
  { sent, recording: { id }, progress }: Known,
  files: Contents['files'],
  marks: Contents['marks'],
): Generator<Finding> {
  const fact = (progress.facts as Readonly<Record<string, unknown>>)[FOLDER_STEP] as
    | { readonly fileId?: unknown; readonly fileName?: unknown }
    | undefined;
  const own = marks.filter(({ recordingId, name }) => recordingId === id && files.has(name));
  if (own.length === 0) yield { kind: 'lost', recordingId: id, text: `${id} has no file in the folder` };
  if (own.length > 1) {
    const names = own.map(({ name }) => name).join(', ');
    yield { kind: 'doubled', recordingId: id, text: `${id} has ${own.length} files in the folder: ${names}` };
  }
  for (const { name } of own) {
    if (files.get(name) === sent.file.sha1) continue;
    yield {
      kind: 'wrong',
      recordingId: id,
      text: `${id}: ${name} in the folder has other bytes than were sent`,
    };
  }
  if (own.length > 0 && !own.some((mark) => mark.id === fact?.fileId && mark.name === fact.fileName)) {
    const text = `${id}: the ledger names another file than the one in the folder: ${JSON.stringify(fact)}`;
    yield { kind: 'wrong', recordingId: id, text };
  }
}

/** Reads what lies there. */
export async function contentsOf(folder: string): Promise<Contents> {
  const own = join(folder, '.sluice');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  const files = new Map<string, string>();
  for (const path of paths) {
    if (path.startsWith(`${own}${sep}`)) continue;
    const digest = createHash('sha1')
      .update(await readFile(path))
      .digest('hex');
    files.set(relative(folder, path), digest);
  }
  const inMarks = paths.filter((path) => path.startsWith(join(own, 'marks', sep)));
  const marks = await Promise.all(
    inMarks
      .filter((path) => path.endsWith('.json'))
      .map(async (path) => JSON.parse(await readFile(path, 'utf8')) as Mark),
  );
  const scraps = inMarks.filter((path) => !path.endsWith('.json')).map((path) => relative(folder, path));
  const unfinished: Unfinished[] = [];
  for (const id of await readdir(join(own, 'unfinished')).catch(() => [])) {
    const begun = await unfinishedIn(join(own, 'unfinished', id));
    if (begun !== undefined) unfinished.push({ id, recordingId: begun.recordingId });
  }
  return { files, marks, scraps, unfinished };
}

/** `undefined` for the beginning of one that a kill has cut short before it could hold a byte: the store sweeps it a day later. */
async function unfinishedIn(path: string): Promise<Partial<Mark> | undefined> {
  const about = await readFile(join(path, 'about.json'), 'utf8').catch(() => undefined);
  if (about !== undefined) return JSON.parse(about) as Mark;
  const data = await stat(join(path, 'file')).catch(() => undefined);
  return data === undefined || data.size === 0 ? undefined : {};
}
