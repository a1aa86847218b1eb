import type { Command } from 'commander';
import { z } from 'zod';
import { durationText } from '../../lib/duration-text.ts';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { openSession, type Session } from '../session.ts';
import { renderTable } from '../table.ts';
import { localTime, parseDuration } from '../times.ts';

const workerShape = z.looseObject({
  name: z.string(),
  state: z.string(),
  tasks: z.array(z.string()),
  version: z.string(),
  machine: z.string(),
  seen_at: z.string(),
  jobs: z.array(z.object({ recording_id: z.string(), step: z.string() })),
});
type Worker = z.output<typeof workerShape>;

const workersShape = z.looseObject({
  workers: z.array(workerShape),
  waiting: z.array(z.object({ task: z.string(), count: z.number(), waited_s: z.number() })),
});

const NOTES = `
They take the steps of EXECUTOR_TASKS with EXECUTOR=workers (docs/executors.md).

Examples:
  sluice workers
  sluice workers invite
  sluice workers drain gpu-1`;

const INVITE_NOTES = `
It is printed once and kept nowhere, and lets one worker register. On its machine:
  EXECUTOR_INVITATION=... node dist/executor/main.js --server https://sluice.example

Example:
  sluice workers invite --for 1h`;

/** `sluice workers`: workers elsewhere that come for their work. */
export function addWorkersCommand(program: Command, io: Io): void {
  const workers = program
    .command('workers')
    .summary('workers elsewhere that come for their work')
    .description('Shows the workers elsewhere that come for their work, and what waits for one.')
    .option('--all', 'those that were revoked too')
    .addHelpText('after', NOTES)
    .action(async (options: { all?: boolean }, command: Command) => {
      const session = openSession(io, command);
      const answer = await session.api.get('/api/workers', workersShape, session.signal);
      const found = answer.workers.filter(({ state }) => options.all === true || state !== 'revoked');
      if (session.isJson) {
        session.printJson({ ...answer, workers: found });
        return;
      }
      if (found.length === 0) session.print('There are none. Invite one: sluice workers invite');
      else session.print(...table(found, session));
      for (const { task, count, waited_s: waitedS } of answer.waiting) {
        session.print(
          `${count} ${count === 1 ? 'step waits' : 'steps wait'} for a worker that does ${task}, the first for ${durationText(waitedS * 1000)}.`,
        );
      }
    });

  workers
    .command('invite')
    .description('Makes what lets one worker register, and prints it.')
    .option('--for <time>', 'how long it is good, such as 1h or 7d; else a day')
    .addHelpText('after', INVITE_NOTES)
    .action(async (options: { for?: string }, command: Command) => {
      const session = openSession(io, command);
      const body = options.for === undefined ? {} : { within_s: secondsOf(options.for) };
      const shape = z.looseObject({ invitation: z.string(), expires_at: z.string() });
      const made = await session.api.post('/api/workers/invitations', body, shape, session.signal);
      if (session.isJson) {
        session.printJson(made);
        return;
      }
      session.print(made.invitation);
      if (!io.stderr.isTTY) return;
      io.stderr.write(`For one worker, until ${localTime(made.expires_at)}. It is not shown again.\n`);
    });

  for (const [act, description, done] of [
    ['drain', 'Gives a worker no more work; what it has it ends.', 'is given no more work'],
    ['resume', 'Gives a worker work again.', 'is given work again'],
    [
      'revoke',
      'Has the key of a worker open nothing any more; what it has waits for another.',
      'comes in no more',
    ],
  ] as const) {
    workers
      .command(act)
      .description(description)
      .argument('<name>', 'what it is called')
      .addHelpText('after', `\nExample:\n  sluice workers ${act} gpu-1`)
      .action(async (name: string, _options: object, command: Command) => {
        const session = openSession(io, command);
        const path = `/api/workers/${encodeURIComponent(name.trim())}/${act}`;
        const worker = await session.api.post(path, {}, workerShape, session.signal);
        if (session.isJson) session.printJson(worker);
        else session.print(`${worker.name} ${done}.`);
      });
  }
}

/** @throws Failure */
function secondsOf(text: string): number {
  const ms = parseDuration(text);
  if (!ms) throw usageFailure(`--for: ${text} is no time.`, 'Write 1h or 7d.');
  return Math.round(ms / 1000);
}

function table(workers: readonly Worker[], session: Session): string[] {
  return renderTable(
    workers,
    [
      { heading: 'WORKER', text: ({ name }) => name, minWidth: 8 },
      {
        heading: 'STATE',
        text: ({ state }) => state,
        style: ({ state }) => (state === 'active' ? 'green' : 'yellow'),
      },
      { heading: 'LAST SEEN', text: ({ seen_at: at }) => localTime(at) },
      {
        heading: 'DOES',
        text: ({ jobs }) =>
          jobs.length === 0
            ? 'nothing'
            : jobs.map(({ recording_id: id, step }) => `${step} of ${id}`).join(', '),
      },
      { heading: 'TAKES', text: ({ tasks }) => tasks.join(', '), minWidth: 10 },
      { heading: 'VERSION', text: ({ version }) => version },
      { heading: 'MACHINE', text: ({ machine }) => machine, minWidth: 12 },
    ],
    session,
  );
}
