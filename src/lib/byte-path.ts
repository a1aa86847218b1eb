import { isUtf8 } from 'node:buffer';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/*
 * Paths are bytes to the system and text to us. Bytes that are no UTF-8 stand in the text as lone surrogates, U+DC80 to
 * U+DCFF, as Python writes them too (PEP 383): the text leads back to the same file, and JSON carries it.
 */

const ESCAPE = 0xdc00;

/** The text of a path. */
export function pathText(path: Buffer): string {
  if (isUtf8(path)) return path.toString();
  let text = '';
  for (let at = 0; at < path.length; ) {
    const length = [1, 2, 3, 4].find(
      (bytes) => at + bytes <= path.length && isUtf8(path.subarray(at, at + bytes)),
    );
    text +=
      length === undefined
        ? String.fromCharCode(ESCAPE + (path[at] ?? 0))
        : path.toString('utf8', at, at + length);
    at += length ?? 1;
  }
  return text;
}

/** The path as the system takes it. */
export function pathBytes(text: string): string | Buffer {
  if (!/\p{Cs}/u.test(text)) return text;
  const pieces = Array.from(text, (character) => {
    const code = character.length === 1 ? character.charCodeAt(0) - ESCAPE : 0;
    return code >= 0x80 && code <= 0xff ? Buffer.from([code]) : Buffer.from(character);
  });
  return Buffer.concat(pieces);
}

/** A name for people to read: bytes that are no UTF-8 are taken for Windows-1252, which holds Latin-1. */
export function readableName(text: string): string {
  const bytes = pathBytes(text);
  return typeof bytes === 'string' ? bytes : new TextDecoder('windows-1252').decode(bytes);
}

/**
 * The files and folders that somebody may mean by a path that leads nowhere: programs lose bytes that are no UTF-8
 * (U+FFFD is in their place), and write an accented letter as one character or as two.
 */
export async function pathsLike(path: string): Promise<string[]> {
  let found = ['/'];
  for (const part of path.split('/').filter(Boolean)) {
    const wanted = likeness(part);
    const deeper: string[] = [];
    for (const folder of found) {
      // A folder that may not be listed may still be passed through.
      const names = await readdir(pathBytes(folder), { encoding: 'buffer' }).catch(() => undefined);
      if (names === undefined) deeper.push(join(folder, part));
      else {
        const texts = names.map(pathText);
        const like = texts.includes(part) ? [part] : texts.filter((name) => likeness(name) === wanted);
        deeper.push(...like.map((name) => join(folder, name)));
      }
    }
    found = deeper;
  }
  return found;
}

/** The same of every name that somebody may mean by another. */
function likeness(name: string): string {
  const bytes = pathBytes(name);
  return (typeof bytes === 'string' ? bytes : bytes.toString())
    .normalize('NFC')
    .replace(/\ufffd+/g, '\ufffd');
}
