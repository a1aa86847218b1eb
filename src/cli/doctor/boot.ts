import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Finding, ok, skip, warn } from '../../domain/finding.ts';
import { pm2Homes } from './pm2.ts';

/** The units of docs/systemd that bring all of Sluice back: with pm2, and without. */
const UNITS = ['sluice.service', 'sluice.target'];

const ADVICE =
  'Install a unit of docs/systemd; or: npx pm2 startup (and what it prints), then npx pm2 save. See docs/operations.md.';

/** Whether Sluice comes back after a reboot, by its own units or by those of pm2. */
export async function checkBoot(options: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly unitFolder?: string;
  readonly isContained?: boolean;
}): Promise<Finding> {
  const { env, home, unitFolder = '/etc/systemd/system', isContained = isInContainer() } = options;
  if (isContained) return skip('in a container, which somebody else starts');
  const installed = UNITS.filter((unit) => namesIn(unitFolder).includes(unit));
  const enabled = installed.find((unit) =>
    namesIn(join(unitFolder, 'multi-user.target.wants')).includes(unit),
  );
  if (enabled !== undefined) return ok(`systemd starts ${enabled}`);
  if (installed.length > 0) {
    return warn(
      `${installed[0]} is installed and not started at boot`,
      `systemctl enable --now ${installed[0]}`,
    );
  }
  const hasPm2Unit = [
    [unitFolder, /^pm2-.*\.service$/],
    ['/etc/init.d', /^pm2-/],
    [join(homedir(), 'Library/LaunchAgents'), /pm2/i],
  ].some(([folder, pattern]) => namesIn(folder as string).some((name) => (pattern as RegExp).test(name)));
  if (!hasPm2Unit) return warn('nothing starts Sluice at boot', ADVICE);
  const dumps = pm2Homes(env, home).map((folder) => join(folder, 'dump.pm2'));
  const isSaved = dumps.some((dump) => existsSync(dump) && readFileSync(dump, 'utf8').includes('"pipeline"'));
  if (!isSaved) return warn('pm2 starts at boot, without Sluice', 'npx pm2 save.');
  return ok('pm2 starts at boot, with Sluice');
}

function isInContainer(): boolean {
  return existsSync('/.dockerenv') || existsSync('/run/.containerenv');
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
