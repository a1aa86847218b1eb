import type { Config } from '../config/config.ts';
import type { HostIdentity } from '../ledger/hosts.ts';
import { openHostFile } from '../lib/host-file.ts';
import { openSteadyClock } from '../lib/steady-clock.ts';
import { readVersion } from '../lib/version.ts';

/**
 * What the ledger is to know this machine by.
 *
 * @throws KnownError `CONFIG_INVALID`
 */
export async function identifyHost({
  dataDir,
  host,
}: Pick<Config, 'dataDir' | 'host'>): Promise<HostIdentity> {
  const { id, key } = await openHostFile(dataDir, host.id);
  return { id, key, machine: openSteadyClock().id, address: host.url, version: readVersion() };
}
