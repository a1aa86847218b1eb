import { type Finding, ok, warn } from '../../domain/finding.ts';
import { durationText } from '../../lib/duration-text.ts';
import type { Api } from '../api.ts';
import { type Host, hostsShape } from '../api-shapes.ts';
import { asked } from './asked.ts';

/** Whether the machines that share the ledger live, reach each other and are of one version. */
export function checkHosts(api: Api, signal: AbortSignal): Promise<Finding> {
  return asked(async () => judgeHosts((await api.get('/api/hosts', hostsShape, signal)).hosts));
}

export function judgeHosts(hosts: readonly Host[]): Finding {
  const silent = hosts.filter(({ state }) => state !== 'ok');
  const unnamed = hosts.length > 1 ? hosts.filter(({ address }) => address === null) : [];
  const versions = [...new Set(hosts.map(({ version }) => version))];
  const troubles = [
    ...silent.map(({ host, silent_s: silentS, bound }) => {
      const alone = bound > 0 ? `, and ${bound} unfinished recordings lie on its disk alone` : '';
      return `${host} has been silent for ${durationText(silentS * 1000)}${alone}`;
    }),
    ...unnamed.map(({ host }) => `no other host can pass uploads on to ${host}`),
    ...(versions.length > 1 ? [`they run ${versions.join(' and ')}`] : []),
  ];
  const advice = [
    ...(silent.length > 0
      ? ['Start it again, or: sluice hosts forget <host> if it will never come back.']
      : []),
    ...(unnamed.length > 0 ? ['Set HOST_URL there.'] : []),
    ...(versions.length > 1 ? ['Bring all to the newest (docs/hosts.md).'] : []),
  ];
  if (troubles.length > 0) return warn(troubles.join('; '), advice.join(' '));
  const names = hosts.map(({ host }) => host).join(', ');
  return ok(hosts.length === 1 ? `${names}, alone so far` : `${names}: all of them live`);
}
