import type { Command } from 'commander';
import { byteSize } from '../../lib/byte-size.ts';
import { durationText } from '../../lib/duration-text.ts';
import { type Host, hostsShape } from '../api-shapes.ts';
import { EXIT } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { openSession, type Session } from '../session.ts';
import { renderTable } from '../table.ts';

const NOTES = `
ALONE says how many unfinished recordings have their bytes on this host and nowhere else: they wait for it while it is away.
Exit code 4 if a host is silent.

Examples:
  sluice hosts
  sluice hosts --json | jq -r '.hosts[] | select(.state != "ok").host'
  sluice hosts forget media-2`;

/** `sluice hosts`: the machines that share the ledger. */
export function addHostsCommand(program: Command, io: Io): void {
  const hosts = program
    .command('hosts')
    .summary('the machines that share the ledger')
    .description(
      'Shows the machines that share a ledger in Postgres: which of them live, and what lies on the disk of each.',
    )
    .addHelpText('after', NOTES)
    .action(async (_options: object, command: Command) => {
      const session = openSession(io, command);
      const found = await session.api.get('/api/hosts', hostsShape, session.signal);
      if (session.isJson) session.printJson(found);
      else session.print(...table(found.hosts, session));
      if (found.hosts.some(({ state }) => state !== 'ok')) io.setExitCode(EXIT.attention);
    });

  hosts
    .command('forget')
    .description(
      'Forgets a machine that will not come back, so that its silence is no alarm. What lies on its disk alone waits for it all the same: cancel that, or have it sent again.',
    )
    .argument('<host>', 'its name')
    .addHelpText('after', '\nExample:\n  sluice hosts forget media-2')
    .action(async (host: string, _options: object, command: Command) => {
      const session = openSession(io, command);
      const path = `/api/hosts/${encodeURIComponent(host)}/forget`;
      const left = await session.api.post(path, {}, hostsShape, session.signal);
      if (session.isJson) session.printJson(left);
      else session.print(`${host} is forgotten.`);
    });
}

function table(hosts: readonly Host[], session: Session): string[] {
  if (hosts.length === 0) return ['There is this machine alone: its ledger is a file (docs/hosts.md).'];
  return renderTable(
    hosts,
    [
      { heading: 'HOST', text: ({ host, own }) => (own ? `${host} (asked)` : host) },
      {
        heading: 'STATE',
        text: ({ state, silent_s: silentS }) =>
          state === 'ok' ? 'ok' : `silent for ${durationText(silentS * 1000)}`,
      },
      {
        heading: 'FREE',
        text: ({ free_bytes: free, total_bytes: total }) =>
          free === null || total === null ? '?' : `${byteSize(free)} of ${byteSize(total)}`,
      },
      {
        heading: 'UPLOADS',
        text: ({ uploads, upload_bytes: bytes }) => (uploads === 0 ? '0' : `${uploads} (${byteSize(bytes)})`),
      },
      { heading: 'RECORDINGS', text: ({ recordings }) => String(recordings) },
      { heading: 'ALONE', text: ({ bound }) => String(bound) },
      { heading: 'VERSION', text: ({ version }) => version },
      { heading: 'ADDRESS', text: ({ address }) => address ?? '', minWidth: 12 },
    ],
    session,
  );
}
