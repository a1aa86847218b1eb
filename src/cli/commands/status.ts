import type { Command } from 'commander';
import { byteSize } from '../../lib/byte-size.ts';
import { durationText } from '../../lib/duration-text.ts';
import { type Status, statusShape } from '../api-shapes.ts';
import { EXIT } from '../exit-codes.ts';
import type { Io } from '../io.ts';
import { RECORDING_ARGUMENT } from '../recording-id.ts';
import { titleText } from '../recording-text.ts';
import { openSession, type Session } from '../session.ts';
import { printable } from '../text-width.ts';
import { localTime } from '../times.ts';
import { troubleLines } from '../troubles.ts';
import { showRecording } from './show.ts';

const NOTES = `
Exit code 4 if something does not move that should, or a recording has failed.

Examples:
  sluice status
  sluice status --json | jq '.troubles[].title'`;

/** `sluice status`: what moves, and what does not. */
export function addStatusCommand(program: Command, io: Io): void {
  program
    .command('status')
    .summary('what moves, and what does not')
    .description(
      'Tells what moves, what waits and for what, and whether all is alive that has to be; or how one recording is.',
    )
    .argument('[id]', `${RECORDING_ARGUMENT}: the same as \`sluice show\``)
    .addHelpText('after', NOTES)
    .action(async (id: string | undefined, _options: object, command: Command) => {
      const session = openSession(io, command);
      if (id !== undefined) return await showRecording(session, id);
      const status = await session.api.get('/api/status', statusShape, session.signal);
      if (session.isJson) session.printJson(status);
      else tell(session, status);
      const { troubles, counts, site_gone: siteGone } = status;
      if (troubles.length > 0 || (counts['failed'] ?? 0) > 0 || siteGone !== null) {
        io.setExitCode(EXIT.attention);
      }
    });
}

function tell(session: Session, status: Status): void {
  const { moving, line, counts, uploads, disk, processes, services, paused, redis } = status;
  const { site_gone: siteGone } = status;
  const count = (...states: string[]) => states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  session.print(
    moving === null ? 'Nothing moves.' : `Moving: ${printable(titleText(moving))} (${moving.id})`,
    [
      `${count('waiting', 'backing-off', 'cancelling', 'deleting')} waiting`,
      `${count('failed')} failed`,
      `${count('set-aside')} set aside`,
      `${count('done')} done`,
      ...(uploads?.unfinished ? [uploadsText(uploads)] : []),
      ...(line?.left_s ? [`about ${durationText(line.left_s * 1000)} left of the line`] : []),
      `${byteSize(Math.max(0, disk.free_bytes - disk.reserve_bytes))} of disk left`,
    ].join(', '),
    [...processes.map(({ process, ...rest }) => `${process}: ${aliveText(rest)}`), `Redis: ${redis}`].join(
      ', ',
    ),
  );
  if (paused) session.print(session.paint('yellow', 'The line is paused: sluice resume lets it go on.'));
  for (const { service, state, open_until: until, last_error: error } of services) {
    if (state === 'ok') continue;
    const left = until === null ? 'has trouble' : `is left alone until ${localTime(until)}`;
    session.print(session.paint('yellow', `${service} ${left}${error === null ? '' : `: ${error.message}`}`));
  }
  if (siteGone !== null) {
    session.print(session.paint('red', `! The website wants no announcements at ${siteGone}`));
  }
  session.print(...troubleLines(status).map(([style, line]) => session.paint(style, line)));
}

function uploadsText({ unfinished, received_bytes, total_bytes }: NonNullable<Status['uploads']>): string {
  const what = unfinished === 1 ? '1 unfinished upload' : `${unfinished} unfinished uploads`;
  return `${what} (${byteSize(received_bytes)} of ${byteSize(total_bytes)})`;
}

function aliveText({ state, silent_s: silentS }: { state: string; silent_s: number }): string {
  if (state === 'silent') return `not heard of for ${durationText(silentS * 1000)}`;
  return state === 'unheard' ? 'not heard of yet' : state;
}
