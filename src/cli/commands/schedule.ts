import type { Command } from 'commander';
import { actOnRecordings } from '../act-on-recordings.ts';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { RECORDING_ARGUMENT } from '../recording-id.ts';
import { openSession } from '../session.ts';
import { localTime, parseTime } from '../times.ts';

const EXAMPLES = `
Examples:
  sluice schedule rec_8821bfdde5e03edd33995107 "2026-12-24 18:00"   time of this machine
  sluice schedule rec_8821bfdde5e03edd33995107 2026-12-24T18:00Z
  sluice schedule rec_8821bfdde5e03edd33995107 +2h
  sluice schedule rec_8821bfdde5e03edd33995107 now`;

/** `sluice schedule ID TIME`: a recording does not move before a time. */
export function addScheduleCommand(program: Command, io: Io): void {
  program
    .command('schedule')
    .summary('let a recording not move before a time')
    .description('Lets a recording not move before a time.')
    .argument('<id>', RECORDING_ARGUMENT)
    .argument('<time>', 'such as 2026-12-24T18:00, +2h, or now: as soon as its turn comes')
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, time: string, _options: object, command: Command) => {
      const session = openSession(io, command);
      const body = { not_before: time === 'now' ? null : readTime(time) };
      await actOnRecordings(io, session, [id], { action: 'schedule', body });
    });
}

function readTime(text: string): string {
  const ms = parseTime(text, Date.now());
  if (ms === undefined) throw usageFailure(`${text} is no time.`, 'Write 2026-12-24T18:00, +2h or now.');
  if (ms < Date.now()) {
    throw usageFailure(
      `${localTime(new Date(ms).toISOString())} is in the past.`,
      'Name a time to come, such as +2h, or "now" to let it go as soon as its turn comes.',
    );
  }
  return new Date(ms).toISOString();
}
