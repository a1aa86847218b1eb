import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PROCESS_NAMES, spawnProcess, systemEnvironment } from '../support/processes.ts';

/** All that has no default, but for the two that are missing. */
const INCOMPLETE = {
  ZOOM_WEBHOOK_SECRET_TOKEN: 'zoom-secret-token',
  B2_KEY_ID: 'b2-key-id',
  BUNNY_LIBRARY_ID: '4321',
  SITE_WEBHOOK_URL: 'http://127.0.0.1:9/webhooks/sluice',
  SITE_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32).toString('base64')}`,
};

describe('P46 a process whose settings are not complete', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-config-'));
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it.each(PROCESS_NAMES)(
    'does not start: %s names all that is missing, once, and leaves nothing',
    async (name) => {
      const dataDir = join(folder, 'data');
      await mkdir(dataDir);
      const env = { ...systemEnvironment(), ...INCOMPLETE, DATA_DIR: dataDir, BUNNY_API_KEY: ' ' };
      const output: string[] = [];

      const child = spawnProcess(name, { cwd: folder, env }, (text) => output.push(text));
      const [exitCode] = await once(child, 'close');

      expect(exitCode).toBe(1);
      expect(output.join('')).toBe(
        [
          'The settings are not complete:',
          '  B2_APPLICATION_KEY: is required',
          '  BUNNY_API_KEY: is required',
          'See .env.example.',
          '',
        ].join('\n'),
      );
      expect(await readdir(dataDir)).toEqual([]);
    },
  );

  it.each(PROCESS_NAMES)(
    'does not start: %s says so of a folder that is too deep for Redis',
    async (name) => {
      const env = {
        ...systemEnvironment(),
        ...INCOMPLETE,
        B2_APPLICATION_KEY: 'b2-application-key',
        BUNNY_API_KEY: 'bunny-api-key',
        DATA_DIR: join(folder, 'deep'.repeat(30)),
      };
      const output: string[] = [];

      const child = spawnProcess(name, { cwd: folder, env }, (text) => output.push(text));
      const [exitCode] = await once(child, 'close');

      expect(exitCode).toBe(1);
      expect(output.join('')).toMatch(
        /^Some settings are wrong:\n {2}DATA_DIR: is too deep.*\nSee .env.example.\n$/,
      );
      expect(await readdir(folder)).toEqual([]);
    },
  );
});
