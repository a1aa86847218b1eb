import { execFileSync } from 'node:child_process';
import {
  link,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectLocalFile, type KnownFile, openUnchanged } from '../../src/lib/local-file.ts';
import { removeUnchanged } from '../../src/lib/remove-unchanged.ts';

const changed = expect.objectContaining({ code: 'SOURCE_CHANGED', retry: 'never' });

const WRITTEN_S = 1_700_000_000;

let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'sluice-files-')));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
  // A whole second, so that another file can be given exactly the same.
  await utimes(path, WRITTEN_S, WRITTEN_S);
  return path;
}

/** As a door remembers a file. */
async function handOver(path: string): Promise<KnownFile> {
  const { realPath, bytes, modifiedAtMs, identity } = await inspectLocalFile(path);
  return { path: realPath, bytes, modifiedAtMs, identity };
}

describe('a file that was handed over', () => {
  it('is read through one handle, whatever happens to its name', async () => {
    const path = await put('a.mp4', 'hello');
    const handle = await openUnchanged(await handOver(path));

    await rename(await put('b.mp4', 'other'), path);

    expect(String(await handle.readFile())).toBe('hello');
    await handle.close();
  });

  it('is handed over by the name of a link, and is what that led to', async () => {
    const path = await put('a.mp4', 'hello');
    await symlink(path, join(folder, 'link'));
    const known = await handOver(join(folder, 'link'));

    expect(known.path).toBe(path);
    await expect(openUnchanged(known).then((handle) => handle.close())).resolves.toBeUndefined();
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ['is longer', (path) => writeFile(path, 'hello, world')],
    ['was written to', (path) => utimes(path, 1, 1)],
    ['was cut off', (path) => truncate(path, 2)],
    ['is another one of the same size and time', async (path) => rename(await put('twin', 'other'), path)],
    [
      'is a link to another one of the same size and time',
      async (path) => {
        await rm(path);
        await symlink(await put('twin', 'other'), path);
      },
    ],
    [
      'lies behind a folder that is a link now',
      async (path) => {
        await rename(join(path, '..'), join(folder, 'moved'));
        await put('elsewhere/a.mp4', 'other');
        await symlink(join(folder, 'elsewhere'), join(path, '..'));
      },
    ],
    [
      'is a folder now',
      async (path) => {
        await rm(path);
        await mkdir(path);
      },
    ],
    [
      'is a pipe now, which would be waited for',
      async (path) => {
        await rm(path);
        execFileSync('mkfifo', [path]);
      },
    ],
  ])('is not taken if it %s', async (_name, tamper) => {
    const path = await put('in/a.mp4', 'hello');
    const known = await handOver(path);

    await tamper(path);

    await expect(openUnchanged(known)).rejects.toEqual(changed);
  });

  it('is gone if it is gone', async () => {
    const path = await put('a.mp4', 'hello');
    const known = await handOver(path);
    await rm(path);

    await expect(openUnchanged(known)).rejects.toMatchObject({ code: 'SOURCE_GONE', retry: 'never' });
  });

  it.each<[string, (known: KnownFile) => KnownFile]>([
    ['before its number was kept', ({ identity: _, ...known }) => known],
    [
      'before the machine was started anew, which may number files otherwise',
      (known) => ({ ...known, identity: { device: '1', inode: '2', bootId: 'another' } }),
    ],
    [
      'where the system has no name for that',
      (known) => ({ ...known, identity: { device: '1', inode: '2', bootId: null } }),
    ],
  ])('is taken by its size and time if it was handed over %s', async (_name, older) => {
    const path = await put('a.mp4', 'hello');
    const known = older(await handOver(path));

    await expect(openUnchanged(known).then((handle) => handle.close())).resolves.toBeUndefined();
    await writeFile(path, 'hello, world');
    await expect(openUnchanged(known)).rejects.toEqual(changed);
  });
});

describe('a file that was handed over and is to be removed', () => {
  const unnumbered = ({ identity: _, ...known }: KnownFile): KnownFile => known;

  it('is removed, and the second time it is gone', async () => {
    const known = await handOver(await put('in/a.mp4', 'hello'));

    expect(await removeUnchanged(known)).toEqual({ kind: 'removed' });
    expect(await readdir(join(folder, 'in'))).toEqual([]);
    expect(await removeUnchanged(known)).toEqual({ kind: 'gone' });
    await rm(join(folder, 'in'), { recursive: true });
    expect(await removeUnchanged(known)).toEqual({ kind: 'gone' });
  });

  it.each<[string, (path: string) => Promise<string>]>([
    [
      'another file of the same size and time is in its place',
      async (path) => {
        await rename(await put('in/twin', 'other'), path);
        return path;
      },
    ],
    [
      'its folder is a link to another one with such a file',
      async (path) => {
        await rename(join(path, '..'), join(folder, 'moved'));
        const other = await put('elsewhere/a.mp4', 'other');
        await symlink(join(folder, 'elsewhere'), join(path, '..'));
        return other;
      },
    ],
    [
      'its folder is a link to where the file was moved',
      async (path) => {
        await rename(join(path, '..'), join(folder, 'moved'));
        await symlink(join(folder, 'moved'), join(path, '..'));
        return join(folder, 'moved/a.mp4');
      },
    ],
    [
      'a folder above it is a link',
      async (path) => {
        await rename(join(folder, 'in'), join(folder, 'moved'));
        await symlink(join(folder, 'moved'), join(folder, 'in'));
        return path.replace('/in/', '/moved/');
      },
    ],
    [
      'its folder was replaced by one with another name of the same file',
      async (path) => {
        await mkdir(join(folder, 'other'));
        await link(path, join(folder, 'other/a.mp4'));
        await rename(join(path, '..'), join(folder, 'moved'));
        await symlink(join(folder, 'other'), join(path, '..'));
        return join(folder, 'other/a.mp4');
      },
    ],
    [
      'a link is in its place',
      async (path) => {
        const other = await put('elsewhere/a.mp4', 'other');
        await rm(path);
        await symlink(other, path);
        return other;
      },
    ],
    [
      'it was written to since',
      async (path) => {
        await writeFile(path, 'world');
        return path;
      },
    ],
    [
      'a folder is in its place',
      async (path) => {
        await rm(path);
        await put('in/deep/a.mp4/inside', 'other');
        return join(path, 'inside');
      },
    ],
  ])('is left, with all that is there, if %s', async (name, tamper) => {
    for (const known of [(each: KnownFile) => each, unnumbered]) {
      const path = await put('in/deep/a.mp4', 'hello');
      const handed = known(await handOver(path));
      const atRisk = await tamper(path);

      if (known === unnumbered && name.startsWith('another file')) continue;
      expect(await removeUnchanged(handed)).toEqual({ kind: 'left', cause: changed });
      expect((await stat(atRisk)).isFile()).toBe(true);
      await rm(folder, { recursive: true });
      await mkdir(folder);
    }
  });

  it('is not read either behind a folder that is a link now, if size and time are all that is known', async () => {
    const path = await put('in/a.mp4', 'hello');
    const known = unnumbered(await handOver(path));
    await rename(join(folder, 'in'), join(folder, 'moved'));
    await put('elsewhere/a.mp4', 'other');
    await symlink(join(folder, 'elsewhere'), join(folder, 'in'));

    await expect(openUnchanged(known)).rejects.toEqual(changed);
  });

  it('is never another one while its folder is swapped to and fro', async () => {
    const other = await put('other/a.mp4', 'other');
    for (let n = 0; n < 150; n += 1) {
      const known = await handOver(await put('in/a.mp4', 'hello'));
      await link(known.path, join(folder, `twin-${n}`));
      const swapping = (async () => {
        await rename(join(folder, 'in'), join(folder, 'moved'));
        await symlink(join(folder, 'other'), join(folder, 'in'));
      })();
      await Promise.all([removeUnchanged(known), swapping]);
      expect((await stat(other)).size).toBe(5);
      await rm(join(folder, 'in'));
      await rm(join(folder, 'moved'), { recursive: true });
    }
  });
});

describe('where files are taken from certain folders only, a file', () => {
  it.each(['videos/../none.mp4', 'videos/none/../../secret.mp4', 'out/none.mp4', 'videos/none/deep/a.mp4'])(
    'that is not there is told of only inside: %s',
    async (path) => {
      await symlink(join(folder, 'elsewhere'), join(folder, 'videos/out'));
      const isInside = path === 'videos/none/deep/a.mp4';

      await expect(inspect(`${folder}/${path.replace(/^out/, 'videos/out')}`)).rejects.toMatchObject({
        code: isInside ? 'FILE_NOT_FOUND' : 'PATH_NOT_ALLOWED',
      });
    },
  );

  const notAllowed = expect.objectContaining({ code: 'PATH_NOT_ALLOWED' });
  const inspect = (path: string) =>
    inspectLocalFile(path, { roots: [join(folder, 'videos'), join(folder, 'more')] });

  beforeEach(async () => {
    await put('videos/2026/a.mp4', 'hello');
    await put('videos-private/a.mp4', 'hello');
    await put('secret', 'hello');
  });

  it('in one of them is taken, also by way of a link that stays inside', async () => {
    const path = join(folder, 'videos/2026/a.mp4');
    await symlink(path, join(folder, 'videos/link'));

    expect((await inspect(path)).realPath).toBe(path);
    expect((await inspect(join(folder, 'videos/link'))).realPath).toBe(path);
    expect((await inspect(`${folder}/videos/../videos/2026/./a.mp4`)).realPath).toBe(path);
  });

  it('is taken where the folder itself is a link', async () => {
    await mkdir(join(folder, 'disk'));
    await put('disk/b.mp4', 'hello');
    await symlink(join(folder, 'disk'), join(folder, 'more'));

    expect((await inspect(join(folder, 'more/b.mp4'))).realPath).toBe(join(folder, 'disk/b.mp4'));
  });

  it.each([
    ['elsewhere', 'secret'],
    ['in a folder that only begins alike', 'videos-private/a.mp4'],
    ['that is reached by going up', 'videos/../secret'],
    ['that is one of the folders itself', 'videos'],
    ['elsewhere that is not there, of which nothing is told', 'no-such-file'],
  ])('%s is not', async (_name, path) => {
    await expect(inspect(`${folder}/${path}`)).rejects.toEqual(notAllowed);
  });

  it('elsewhere is not, by way of a link inside', async () => {
    await symlink(join(folder, 'secret'), join(folder, 'videos/link'));
    await symlink(folder, join(folder, 'videos/up'));

    await expect(inspect(join(folder, 'videos/link'))).rejects.toEqual(notAllowed);
    await expect(inspect(join(folder, 'videos/up/secret'))).rejects.toEqual(notAllowed);
  });

  it('inside that is not there is told to be missing', async () => {
    await expect(inspect(join(folder, 'videos/none.mp4'))).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});
