import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import { KnownError, machineTrouble, orMachineTrouble, systemCode } from '../domain/errors.ts';
import type { FileIdentity, Origin } from '../domain/recording.ts';
import { pathBytes, pathsLike, pathText, readableName } from './byte-path.ts';
import { type Claim, type MediaGate, STRICT_MEDIA_GATE } from './media-gate.ts';
import { lookAtFile, type MediaType } from './media-type.ts';

/** A file of this server as it was found through one open handle. */
export interface LocalFile {
  /** With every symbolic link followed; as text, of which `pathBytes` makes what the system takes. */
  readonly realPath: string;
  readonly bytes: number;
  /** Whole milliseconds. */
  readonly modifiedAtMs: number;
  readonly identity: FileIdentity;
  /** `undefined` if it is neither audio nor video. */
  readonly media: MediaType | undefined;
  /** What it is instead, such as `text/plain`, as far as that is known. */
  readonly otherwise: string | undefined;
}

const CODES: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'FILE_NOT_FOUND',
  ENOTDIR: 'FILE_NOT_FOUND',
  ELOOP: 'PATH_LOOP',
  ENAMETOOLONG: 'PATH_INVALID',
  EACCES: 'FILE_NOT_READABLE',
  EPERM: 'FILE_NOT_READABLE',
  ENXIO: 'FILE_NOT_REGULAR',
};

/** What was known of a file when it was handed over. */
export type KnownFile = Pick<
  Extract<Origin, { kind: 'file' }>,
  'path' | 'bytes' | 'modifiedAtMs' | 'identity'
>;

export interface InspectOptions {
  /** The folders that it must lie below, links followed; anywhere, if none is named. */
  readonly roots?: readonly string[];
  /** The refusal of one that lies elsewhere. */
  readonly notAllowed?: () => KnownError;
  readonly gate?: MediaGate;
  /** What its caller says of it; default its name. */
  readonly claim?: Claim | undefined;
}

/**
 * Looks at the file that a caller names.
 *
 * @throws KnownError `PATH_INVALID`, `PATH_NOT_ALLOWED`, `PATH_LOOP`, `FILE_NOT_FOUND`, `FILE_NOT_READABLE`,
 * `FILE_NOT_REGULAR` or `FILE_EMPTY`
 */
export async function inspectLocalFile(
  path: string,
  { roots = [], notAllowed = outsideCustomRoots, gate = STRICT_MEDIA_GATE, claim }: InspectOptions = {},
): Promise<LocalFile> {
  if (path.includes('\0')) throw new KnownError('The path contains a NUL byte', { code: 'PATH_INVALID' });
  if (!isAbsolute(path)) throw new KnownError('The path is not absolute', { code: 'PATH_INVALID' });
  let handle: FileHandle | undefined;
  try {
    const realPath = await realPathMeant(path).catch(async (error: unknown) => {
      // Outside the roots nobody is told what is there and what is not.
      if (roots.length > 0 && !isBelow(await wouldBeAt(path), await realRoots(roots))) throw notAllowed();
      throw error;
    });
    if (roots.length > 0 && !isBelow(realPath, await realRoots(roots))) throw notAllowed();
    // Without O_NONBLOCK a pipe would be waited for.
    handle = await open(
      pathBytes(realPath),
      constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW,
    );
    const found = await handle.stat({ bigint: true });
    if (!found.isFile()) throw new KnownError(`It is ${kindOf(found)}`, { code: 'FILE_NOT_REGULAR' });
    // The path may have been led elsewhere in between.
    if (roots.length > 0 && (await pathOf(handle, found, realPath)) !== realPath) throw notAllowed();
    if (found.size === 0n) {
      const written = new Date(Number(found.mtimeMs)).toISOString();
      throw new KnownError(`It was last written to at ${written}`, { code: 'FILE_EMPTY' });
    }

    const media = await gate.typeOf(handle, claim ?? { filename: readableName(basename(realPath)) });
    const look = media === undefined ? await lookAtFile(handle) : undefined;
    return {
      realPath,
      bytes: Number(found.size),
      modifiedAtMs: Number(found.mtimeMs),
      identity: await identityOf(found),
      media,
      otherwise: look?.kind === 'other' ? look.mime : undefined,
    };
  } catch (error) {
    const code = CODES[systemCode(error) ?? ''];
    if (code === undefined) throw orMachineTrouble(error);
    throw new KnownError(`The file cannot be used (${systemCode(error)})`, { code, cause: error });
  } finally {
    await handle?.close();
  }
}

/**
 * Opens a file that was handed over, once and for all readers: what is read through the handle is that file, whatever
 * happens to its name afterwards. A link in its place is not followed.
 *
 * @throws KnownError `SOURCE_GONE` or `SOURCE_CHANGED`
 */
export async function openUnchanged(known: KnownFile): Promise<FileHandle> {
  let handle: FileHandle;
  try {
    handle = await open(
      pathBytes(known.path),
      constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW,
    );
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ELOOP') throw changed('a link is in its place now', error);
    const trouble = machineTrouble(error);
    if (trouble !== undefined) throw trouble;
    throw new KnownError(`The file is gone or cannot be read (${code})`, {
      code: 'SOURCE_GONE',
      retry: code === 'ENOENT' ? 'never' : 'backoff',
      cause: error,
    });
  }
  try {
    const isNumbered = await checkUnchanged(handle, known);
    // Size and time can be made to fit: then the file must at least lie where it did, no link having led elsewhere.
    if (
      !isNumbered &&
      (await pathOf(handle, await handle.stat({ bigint: true }), known.path)) !== known.path
    ) {
      throw changed('a link leads to another place now');
    }
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Makes sure that an open file is the one that was handed over, as it was then; says whether device and inode could be
 * compared, which count only until the next boot.
 *
 * @throws KnownError `SOURCE_CHANGED`
 */
export async function checkUnchanged(
  handle: FileHandle,
  { bytes, modifiedAtMs, identity }: KnownFile,
): Promise<boolean> {
  const found = await handle.stat({ bigint: true });
  if (!found.isFile()) throw changed('it is no regular file now');
  if (found.size !== BigInt(bytes)) throw changed(`it had ${bytes} bytes and has ${found.size} now`);
  if (Number(found.mtimeMs) !== modifiedAtMs) throw changed('it was written to');
  if (identity === undefined || identity.bootId === null) return false;
  const { device, inode, bootId } = await identityOf(found);
  if (bootId !== identity.bootId) return false;
  if (device !== identity.device || inode !== identity.inode)
    throw changed('another file is in its place now');
  return true;
}

function kindOf(found: BigIntStats): string {
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a pipe';
  return found.isSocket() ? 'a socket' : 'a device';
}

async function identityOf({ dev, ino }: BigIntStats): Promise<FileIdentity> {
  return { device: String(dev), inode: String(ino), bootId: await bootId() };
}

/** A name of the time since the machine was started, where it has one (Linux). */
async function bootId(): Promise<string | null> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim() || null;
}

async function realPathOf(path: string): Promise<string> {
  return pathText(await realpath(pathBytes(path), { encoding: 'buffer' }));
}

/**
 * Where a path leads; one that leads nowhere as it is written, to the only file that can be meant by it.
 *
 * @throws KnownError `FILE_NOT_FOUND` where it lost what tells names apart, and what the system says
 */
async function realPathMeant(path: string): Promise<string> {
  try {
    return await realPathOf(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    const [meant, ...others] = await pathsLike(path);
    if (meant !== undefined && others.length === 0) return await realPathOf(meant);
    if (meant === undefined && !path.includes('\ufffd')) throw error;
    const how = meant === undefined ? 'there is no name like it' : `${others.length + 1} names are like it`;
    throw new KnownError(
      `The path has lost characters that are not UTF-8, and ${how}: send its bytes as path_base64, or rename the file ` +
        '(convmv -f latin1 -t utf8)',
      { code: 'FILE_NOT_FOUND', cause: error },
    );
  }
}

async function realRoots(roots: readonly string[]): Promise<string[]> {
  return await Promise.all(roots.map((root) => realPathOf(root).catch(() => root)));
}

/**
 * Where a path that leads to nothing would lead: its first folders as far as they are there, and the rest as it is. By a
 * link that leads to nothing it could be anywhere.
 */
async function wouldBeAt(path: string): Promise<string> {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    const real = await realPathOf(at).catch(() => undefined);
    if (real !== undefined) return join(real, path.slice(at.length));
    if ((await lstat(pathBytes(at)).catch(() => undefined))?.isSymbolicLink()) return sep;
  }
  return path;
}

function isBelow(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path.startsWith(root.endsWith(sep) ? root : root + sep));
}

/** Where an open file lies: by the system's own word or, where it gives none, by what is at its path now. */
async function pathOf(handle: FileHandle, found: BigIntStats, path: string): Promise<string | undefined> {
  try {
    return await realPathOf(`/proc/self/fd/${handle.fd}`);
  } catch {
    const [again, there] = [await realPathOf(path), await stat(pathBytes(path), { bigint: true })];
    return there.dev === found.dev && there.ino === found.ino ? again : undefined;
  }
}

function outsideCustomRoots(): KnownError {
  return new KnownError('The file lies outside CUSTOM_ROOTS', { code: 'PATH_NOT_ALLOWED' });
}

function changed(how: string, cause?: unknown): KnownError {
  return new KnownError(`The file that was handed over is not what it was: ${how}`, {
    code: 'SOURCE_CHANGED',
    cause,
  });
}
