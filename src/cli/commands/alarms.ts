import type { Command } from 'commander';
import { z } from 'zod';
import type { Config, SettingProblem } from '../../config/config.ts';
import { summarize } from '../../domain/errors.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import type { Io } from '../io.ts';
import { openSession, type Session } from '../session.ts';
import { printable } from '../text-width.ts';
import { localTime } from '../times.ts';

const alarmsShape = z.object({
  alarms: z.array(
    z.looseObject({
      kind: z.string(),
      title: z.string(),
      detail: z.string(),
      advice: z.string(),
      recording_id: z.string().nullable(),
      raised_at: z.string(),
    }),
  ),
});

/** How long a channel has for the test, in milliseconds. */
const TEST_TIMEOUT_MS = 30_000;

const TEST_SUBJECT = 'Sluice: a test, nothing is wrong';
const TEST_BODY =
  'TEST: somebody has run "sluice alarms test". Nothing is wrong.\n  Alarms of this Sluice come here.';

/** What each way of telling needs, to say which setting to look at. */
const SETTINGS = {
  webhook: ['ALARM_WEBHOOK_URL'],
  mail: ['ALARM_MAIL_TO', 'ALARM_MAIL_FROM', 'SMTP_URL', 'SMTP_TLS'],
  ping: ['ALARM_PING_URL'],
} as const;

interface Tested {
  readonly channel: keyof typeof SETTINGS;
  readonly ok: boolean;
  readonly text: string;
  readonly advice?: string;
}

/** `sluice alarms`: what is wrong at this moment, and whether people are told of it. */
export function addAlarmsCommand(program: Command, io: Io): void {
  const alarms = program
    .command('alarms')
    .summary('what is wrong at this moment; and a test of who is told')
    .description('Lists the alarms that are open, the newest first, each with what to do.')
    .option('--check', 'end with 4 if there is one')
    .addHelpText(
      'after',
      "\nExamples:\n  sluice alarms\n  sluice alarms test\n  sluice alarms --json | jq '.alarms[].title'",
    )
    .action(async (options: { check?: boolean }, command: Command) => {
      const session = openSession(io, command);
      const answer = await session.api.get('/api/alarms', alarmsShape, session.signal);
      if (session.isJson) session.printJson(answer);
      else if (answer.alarms.length === 0) session.print('No alarm is open.');
      for (const { title, detail, advice, recording_id: id, raised_at: at } of session.isJson
        ? []
        : answer.alarms) {
        session.print(
          session.paint('red', `! ${printable(title)}`),
          `  ${printable(detail)}`,
          `  → ${printable(advice)}`,
          session.paint('dim', `  ${id === null ? '' : `${id}, `}since ${localTime(at)}`),
        );
      }
      if (options.check && answer.alarms.length > 0) io.setExitCode(EXIT.attention);
    });

  alarms
    .command('test')
    .summary('send a test message to everybody who is told')
    .description(
      'Sends a test message on every way that the settings of this machine name, and says what came of each. Sluice need not run.',
    )
    .addHelpText(
      'after',
      '\nExit code 1 if one of them did not take it, or none is set.\n\nExample:\n  sluice alarms test',
    )
    .action(async (_options: object, command: Command) => {
      const session = openSession(io, command);
      const tested = await test(io.examineConfig(), session);
      if (session.isJson) session.printJson({ channels: tested });
      for (const { channel, ok, text, advice } of session.isJson ? [] : tested) {
        session.print(
          `${session.paint(ok ? 'green' : 'red', ok ? 'ok  ' : 'fail')}  ${channel}: ${printable(text)}`,
        );
        if (advice !== undefined) session.print(`      → ${advice}`);
      }
      if (tested.some(({ ok }) => !ok)) io.setExitCode(EXIT.failed);
    });
}

async function test(
  { config: { alarms }, problems }: { config: Config; problems: readonly SettingProblem[] },
  { signal: stop }: Session,
): Promise<Tested[]> {
  const broken = (Object.keys(SETTINGS) as (keyof typeof SETTINGS)[]).flatMap((channel): Tested[] => {
    const names: readonly string[] = SETTINGS[channel];
    const found = problems.filter(({ name }) => names.includes(name));
    if (found.length === 0) return [];
    const text = found.map(({ name, text: what }) => `${name}: ${what}`).join('; ');
    return [{ channel, ok: false, text, advice: 'Correct it in .env.' }];
  });
  const isWhole = ({ channel }: { channel: keyof typeof SETTINGS }) =>
    broken.every((each) => each.channel !== channel);
  const { ping } = alarms;
  const { createAlarmChannels } = await import('../../outside/alarm-channels.ts');
  const { createAlarmPing } = await import('../../outside/monitor/ping.ts');
  const tries: { channel: keyof typeof SETTINGS; what: string; run(signal: AbortSignal): Promise<void> }[] = [
    ...createAlarmChannels(alarms).map((channel) => ({
      channel: channel.name,
      what: channel.name === 'mail' ? `sent to ${alarms.mail?.to.join(', ')}` : 'sent',
      run: (signal: AbortSignal) =>
        channel.send({ id: `alarm-test-${Date.now()}`, subject: TEST_SUBJECT, body: TEST_BODY, signal }),
    })),
    ...(ping === undefined
      ? []
      : [
          {
            channel: 'ping' as const,
            what: 'answered; this counted as a sign of life',
            run: createAlarmPing(ping),
          },
        ]),
  ];
  if (broken.length + tries.length === 0) {
    throw new Failure({
      code: 'CONFIG_INVALID',
      title: 'Nobody is told of alarms.',
      detail: 'No way to tell anybody is set.',
      advice: 'Set ALARM_WEBHOOK_URL, or ALARM_MAIL_TO, ALARM_MAIL_FROM and SMTP_URL, or ALARM_PING_URL.',
    });
  }
  const results = await Promise.all(
    tries.filter(isWhole).map(async ({ channel, what, run }): Promise<Tested> => {
      try {
        await run(AbortSignal.any([stop, AbortSignal.timeout(TEST_TIMEOUT_MS)]));
        return { channel, ok: true, text: what };
      } catch (error) {
        stop.throwIfAborted();
        const advice = `Look at ${SETTINGS[channel].join(', ')} in .env, and at the network.`;
        return { channel, ok: false, text: summarize(error).message, advice };
      }
    }),
  );
  return [...broken, ...results];
}
