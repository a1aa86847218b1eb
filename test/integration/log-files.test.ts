import { appendFile, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startLogKeeping } from '../../src/lib/log-files.ts';

let folder: string;
let keeping: { stop(): Promise<void> } | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-logs-'));
});
afterEach(async () => {
  await keeping?.stop();
  await rm(folder, { recursive: true, force: true });
});

function keep(maxBytes: number, keepFiles: number) {
  const log = pino({ level: 'silent' });
  keeping = startLogKeeping({ folder, apps: ['worker', 'redis'], maxBytes, keepFiles, everyMs: 20, log });
}

const sizeOf = async (name: string) => (await stat(join(folder, name))).size;

it('puts a log aside that has grown, for whoever has it open to go on in it', async () => {
  const writer = await open(join(folder, 'worker-out.log'), 'a');
  try {
    keep(1000, 2);
    for (const round of ['first', 'second', 'third', 'fourth']) {
      await writer.write(`${round} ${'x'.repeat(1100)}\n`);
      await expect.poll(() => sizeOf('worker-out.log')).toBe(0);
    }
    await writer.write('and on\n');
  } finally {
    await writer.close();
  }

  expect((await readdir(folder)).sort()).toEqual(['worker-out.log', 'worker-out.log.1', 'worker-out.log.2']);
  expect(await readFile(join(folder, 'worker-out.log'), 'utf8')).toBe('and on\n');
  expect(await readFile(join(folder, 'worker-out.log.1'), 'utf8')).toMatch(/^fourth/);
  expect(await readFile(join(folder, 'worker-out.log.2'), 'utf8')).toMatch(/^third/);
});

it('takes care of what a crash leaves, and of Redis, and of nobody else', async () => {
  for (const name of ['worker-error.log', 'redis-out.log', 'tus-out.log']) {
    await writeFile(join(folder, name), 'x'.repeat(2000));
  }
  keep(1000, 1);

  await expect.poll(() => sizeOf('worker-error.log')).toBe(0);
  await expect.poll(() => sizeOf('redis-out.log')).toBe(0);
  expect(await sizeOf('tus-out.log')).toBe(2000);
});

it('drops what is more than is to be kept, and keeps none where none is wanted', async () => {
  for (const n of [1, 2, 3, 17]) await writeFile(join(folder, `worker-out.log.${n}`), 'old');
  await writeFile(join(folder, 'worker-out.log'), 'x'.repeat(2000));
  keep(1000, 0);

  await expect.poll(() => readdir(folder)).toEqual(['worker-out.log']);
  await expect.poll(() => sizeOf('worker-out.log')).toBe(0);
});

it('leaves all alone with a size of 0', async () => {
  await writeFile(join(folder, 'worker-out.log'), 'x'.repeat(2000));
  keep(0, 4);
  await appendFile(join(folder, 'worker-out.log'), 'y');
  await keeping?.stop();

  expect(await sizeOf('worker-out.log')).toBe(2001);
});
