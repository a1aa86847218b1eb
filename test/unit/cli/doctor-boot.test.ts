import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkBoot } from '../../../src/cli/doctor/boot.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-boot-'));
  await mkdir(join(folder, 'units/multi-user.target.wants'), { recursive: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const check = (env: Record<string, string> = {}) =>
  checkBoot({
    env: { HOME: folder, ...env },
    home: folder,
    unitFolder: join(folder, 'units'),
    isContained: false,
  });

describe('the start at boot', () => {
  it.each(['sluice.service', 'sluice.target'])('is by %s where that is enabled', async (unit) => {
    await writeFile(join(folder, 'units', unit), '');
    expect(await check()).toMatchObject({ state: 'warn', advice: `systemctl enable --now ${unit}` });

    await writeFile(join(folder, 'units/multi-user.target.wants', unit), '');
    expect(await check()).toMatchObject({ state: 'ok', text: `systemd starts ${unit}` });
  });

  it('is by pm2 where that is started and has Sluice in its list, also in the home that our unit gives it', async () => {
    expect(await check()).toMatchObject({ state: 'warn', text: 'nothing starts Sluice at boot' });

    await writeFile(join(folder, 'units/pm2-sluice.service'), '');
    expect(await check()).toMatchObject({ state: 'warn', text: 'pm2 starts at boot, without Sluice' });

    await mkdir(join(folder, 'kept/pm2'), { recursive: true });
    await writeFile(join(folder, 'kept/pm2/dump.pm2'), '[{"name":"pipeline"}]');
    expect((await check({ DATA_DIR: './kept' })).state).toBe('ok');
  });
});
