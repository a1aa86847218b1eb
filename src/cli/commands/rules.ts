import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { KnownError } from '../../domain/errors.ts';
import { archiveStem } from '../../domain/names.ts';
import { readRecordingEvent } from '../../outside/zoom/event.ts';
import { type Choice, type MeetingPlan, planMeeting } from '../../outside/zoom/plan.ts';
import { loadZoomPlanning } from '../../outside/zoom/planning.ts';
import type { Io } from '../io.ts';
import { openSession } from '../session.ts';

const EXAMPLES = `
Examples:
  sluice rules test event.json
  sluice rules test event.json --rules new-rules.yaml`;

/** `sluice rules test event.json`: what would become of each file of an event, and why; nothing is sent or changed. */
export function addRulesCommand(program: Command, io: Io): void {
  const rules = program
    .command('rules')
    .summary('try rules for recordings of Zoom')
    .description('Rules for recordings of Zoom.');
  rules
    .command('test')
    .description('Says what the rules would make of an event, file by file, and why. Changes nothing.')
    .argument('<event>', 'file with the body of a Zoom webhook, or - for standard input')
    .option('--rules <file>', 'rules to try, in place of those of the settings')
    .addHelpText('after', EXAMPLES)
    .action((given: string, options: { rules?: string }, command: Command) => {
      const session = openSession(io, command);
      const rulesFile = options.rules === undefined ? undefined : resolve(io.cwd, options.rules);
      const { accounts, defaults } = loadZoomPlanning(io.env, rulesFile);
      const path = given === '-' ? given : resolve(io.cwd, given);
      const read = readRecordingEvent(readJson(path));
      if (read.problem !== undefined) {
        throw new KnownError(`${path} is no event of a recording:\n${read.problem}`, {
          code: 'REQUEST_INVALID',
        });
      }
      const { announcement } = read;
      const { accountId } = announcement.meeting;
      const account = accounts.find(({ id }) => id === null || id === accountId);
      if (account === undefined) {
        throw new KnownError(`There is no account ${accountId}: the event would be ignored`, {
          code: 'NOT_FOUND',
        });
      }
      const plan = planMeeting({
        announcement,
        rules: account.rules,
        defaults,
        known: [],
        nowMs: Date.now(),
      });
      if (session.isJson) session.printJson(toJson(plan));
      else session.print(toText(plan));
    });
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path === '-' ? 0 : path, 'utf8'));
  } catch (error) {
    throw new KnownError(`${path} cannot be read as JSON: ${(error as Error).message}`, {
      code: 'REQUEST_INVALID',
      cause: error,
    });
  }
}

function toJson({ rule, choices }: MeetingPlan) {
  return {
    rule: rule?.name ?? null,
    files: choices.map((choice) => ({
      recording_id: choice.file.id,
      file_type: choice.file.fileType,
      recording_type: choice.file.recordingType,
      recording_start: choice.file.startedAt,
      ...(choice.recording === undefined
        ? { outcome: 'ignored', reason: choice.reason, why: choice.why }
        : {
            outcome: 'taken',
            why: choice.why,
            kind: choice.recording.kind,
            title: choice.recording.title,
            ace_id: choice.recording.aceId,
            part: choice.recording.details['part'],
            parts: choice.recording.details['parts'],
            ...choice.recording.placement,
            not_before:
              choice.recording.notBeforeMs === undefined
                ? null
                : new Date(choice.recording.notBeforeMs).toISOString(),
          }),
    })),
  };
}

function toText({ rule, choices }: MeetingPlan): string {
  const head =
    rule === undefined ? 'No rule applies: the settings decide.' : `The rule "${rule.name}" applies.`;
  const lines = choices.flatMap((choice) => {
    const { file } = choice;
    const what = `${file.recordingType} (${file.fileType || 'type unknown'}, ${file.startedAt ?? 'start unknown'})`;
    if (choice.recording === undefined)
      return [`ignored  ${what}`, `         ${choice.reason}: ${choice.why}`];
    return [
      `taken    ${what}`,
      `         ${choice.why}`,
      ...detailsOf(choice).map((line) => `         ${line}`),
    ];
  });
  return [head, ...(choices.length === 0 ? ['The event announces no files.'] : lines)].join('\n');
}

function detailsOf({ recording }: Extract<Choice, { recording: object }>): string[] {
  if (recording.kind === 'companion') return [`beside the video of "${recording.title}"`];
  const { placement, aceId, notBeforeMs } = recording;
  const name = archiveStem({
    id: '<id>',
    source: recording.source,
    title: recording.title,
    acceptedAtMs: Date.now(),
    origin: recording.origin,
    placement: placement ?? null,
  });
  return [
    `title    ${recording.title}`,
    `archive  ${name}.${recording.details['file_extension'] ?? 'mp4'}`,
    ...(placement?.collection ? [`Bunny    collection "${placement.collection}"`] : []),
    ...(aceId === null ? [] : [`ace_id   ${aceId}`]),
    ...(notBeforeMs === undefined ? [] : [`not before ${new Date(notBeforeMs).toISOString()}`]),
  ];
}
