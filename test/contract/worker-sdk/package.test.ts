import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../../..');
const SDK = join(ROOT, 'packages/worker-sdk');

/** The package as it would be published, and a worker that has it as others do. */
describe('the package of the worker SDK', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sdk-package-'));
    const source = join(folder, 'source');
    await mkdir(source);
    for (const name of ['package.json', 'README.md', 'src', 'tsconfig.build.json'])
      await cp(join(SDK, name), join(source, name), { recursive: true });
    const build = join(source, 'tsconfig.build.json');
    await writeFile(
      build,
      (await readFile(build, 'utf8')).replace('../../tsconfig.json', join(ROOT, 'tsconfig.json')),
    );
    const modules = join(folder, 'node_modules');
    await mkdir(join(modules, '@sluice'), { recursive: true });
    for (const name of ['amqplib', 'zod', '@types', 'undici-types', 'typescript', '@typescript', '.bin'])
      await symlink(join(ROOT, 'node_modules', name), join(modules, name));
    await run('npm', ['pack', '--pack-destination', folder], { cwd: source });
    const archive = (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? '';
    await run('tar', ['-xzf', join(folder, archive), '-C', join(modules, '@sluice')]);
    await run('mv', [join(modules, '@sluice/package'), join(modules, '@sluice/worker-sdk')]);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('W9 W12 runs the worker of its README, as it stands there', async () => {
    const readme = await readFile(join(SDK, 'README.md'), 'utf8');
    const worker = readme.match(/```ts\n([\s\S]*?)```/)?.[1] ?? '';
    await writeFile(join(folder, 'worker.mjs'), worker);
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'my-worker', version: '1.0.0', description: 'Mine' }),
    );
    const { stdout, stderr } = await run(process.execPath, ['worker.mjs'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], DESCRIBE: '1' },
    });

    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      label: 'my-worker',
      version: '1.0.0',
      sdk_version: JSON.parse(await readFile(join(SDK, 'package.json'), 'utf8')).version,
      parameters: { required: ['source_path'], properties: { algorithm: { default: 'sha256' } } },
    });
    expect(worker.trim().split('\n').length).toBeLessThanOrEqual(25);
  });

  it('tells in one line what is wrong with the settings', async () => {
    const failed = await run(process.execPath, ['worker.mjs'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], AMQP_QUEUE: 'job_#' },
    }).catch((error) => error);

    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/^Invalid settings:\n.*AMQP_QUEUE/s);
    expect(failed.stderr).not.toContain('    at ');
  });

  it('depends on what the root depends on', async () => {
    const [ours, roots] = await Promise.all(
      [SDK, ROOT].map(async (path) => JSON.parse(await readFile(join(path, 'package.json'), 'utf8'))),
    );

    for (const [name, version] of Object.entries(ours.dependencies)) {
      expect({ [name]: roots.dependencies[name] }).toEqual({ [name]: version });
    }
  });
});

describe('the examples', () => {
  it('the checksum worker tells the digest of a file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'checksum-'));
    const [source, order] = [join(folder, 'source'), join(folder, 'order.json')];
    await writeFile(source, 'abc');
    const parameters = [
      { id: 'source_path', type: 'string', value: source },
      { id: 'algorithm', type: 'string', value: 'md5' },
    ];
    await writeFile(order, JSON.stringify({ job_id: 1, parameters }));
    const { stderr } = await run(
      process.execPath,
      ['--import', 'tsx', join(SDK, 'examples/checksum/worker.ts')],
      { cwd: ROOT, env: { PATH: process.env['PATH'], SOURCE_ORDERS: order } },
    );
    await rm(folder, { recursive: true });

    expect(stderr).toContain('900150983cd24fb0d6963f7d28e17f72');
  });
});
