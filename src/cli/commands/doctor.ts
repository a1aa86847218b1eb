import type { Command } from 'commander';
import { settingWarnings } from '../../config/setting-warnings.ts';
import type { Finding } from '../../domain/finding.ts';
import { type Diagnosis, diagnose } from '../doctor/check.ts';
import { EXIT } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { createLiveBlock } from '../live-block.ts';
import type { Style } from '../paint.ts';
import { openSession, type Session } from '../session.ts';
import { clip, padEnd, printable } from '../text-width.ts';

const MARKS: Readonly<Record<Finding['state'], readonly [text: string, style: Style]>> = {
  ok: ['ok', 'green'],
  warn: ['warn', 'yellow'],
  fail: ['fail', 'red'],
  skip: ['-', 'dim'],
};

const NOTES = `
It looks at this machine's settings and changes nothing, whether Sluice runs or not; Redis is written a key that goes by
itself. What does not run has failed, unless --before-start says that nothing has to run yet. Where settings are missing
or wrong it looks at all that does not need them. With --url and --token another pipeline server is asked; all else is
about this machine. The website is sent an unsigned "sluice.test", which it has to refuse; with --site-event a signed
one, which it has to take (docs/website.md).

Exit code 4 if a check fails; a warning is none.

Examples:
  sluice doctor
  sluice doctor --before-start
  sluice doctor --site-event
  sluice doctor --json | jq '.checks[] | select(.state == "fail")'`;

interface DoctorCommandOptions {
  readonly siteEvent?: boolean;
  readonly beforeStart?: boolean;
  readonly timeout: string;
}

/** `sluice doctor`: whether everything is set up, and runs. */
export function addDoctorCommand(program: Command, io: Io): void {
  program
    .command('doctor')
    .summary('is everything set up, and does it run?')
    .description(
      'Checks settings, disk, ledger, Redis, processes, clock, services, what is public, alarms and what is stuck.',
    )
    .option('--site-event', 'send the website a signed test announcement')
    .option('--before-start', 'nothing has to run yet: what does not run is no failure')
    .option('--timeout <seconds>', 'that each check has', '20')
    .addHelpText('after', NOTES)
    .action(async (options: DoctorCommandOptions, command: Command) => {
      const session = openSession(io, command);
      const timeoutMs = Number(options.timeout) * 1000;
      if (!(timeoutMs > 0 && timeoutMs <= 3_600_000)) {
        throw usageFailure(`--timeout: ${options.timeout} is no number of seconds.`);
      }
      // What few commands need is loaded where it is needed: every command would begin later by it.
      const { createChecks } = await import('../doctor/checks.ts');
      const checks = createChecks({
        settings: io.examineConfig(),
        settingWarnings: settingWarnings(io.env, io.envFile),
        serverUrl: session.serverUrl,
        connect: () => session.api,
        env: io.env,
        home: io.home,
        sendsSiteEvent: options.siteEvent ?? false,
        isBeforeStart: options.beforeStart ?? false,
      });
      const telling = startTelling(
        session,
        checks.map(({ name }) => name),
      );
      let diagnoses: Diagnosis[];
      try {
        diagnoses = await diagnose(checks, { timeoutMs, signal: session.signal, onDone: telling.done });
      } finally {
        telling.end();
      }
      const count = (state: Finding['state']) => diagnoses.filter((each) => each.state === state).length;
      const worst = count('fail') > 0 ? 'fail' : count('warn') > 0 ? 'warn' : 'ok';
      if (session.isJson) session.printJson({ state: worst, checks: diagnoses });
      else session.print('', summary(count('fail'), count('warn')));
      if (worst === 'fail') io.setExitCode(EXIT.attention);
    });
}

function summary(fails: number, warnings: number): string {
  const warned = warnings === 1 ? '1 warning' : `${warnings} warnings`;
  if (fails > 0) return `${fails} failed, ${warned}.`;
  return warnings > 0 ? `Nothing failed, ${warned}.` : 'All is well.';
}

/** Tells of each check in their order: on a terminal all at once, drawn over themselves until they are done. */
function startTelling(session: Session, names: readonly string[]) {
  const done = new Map<string, Diagnosis>();
  const nameWidth = Math.max(...names.map((name) => name.length)) + 2;
  const block = session.isLive ? createLiveBlock(session.screen) : undefined;
  let printed = 0;

  const line = (name: string): string[] => {
    const diagnosis = done.get(name);
    if (diagnosis === undefined) return [`${padEnd('…', 6)}${padEnd(name, nameWidth)}`];
    const [mark, style] = MARKS[diagnosis.state];
    const { text, advice } = diagnosis;
    const first = `${session.paint(style, padEnd(mark, 6))}${padEnd(name, nameWidth)}${printable(text)}`;
    const margin = ' '.repeat(6 + nameWidth);
    return [first, ...(advice?.split('\n') ?? []).map((each) => `${margin}→ ${each}`)];
  };
  /** While it is drawn over, one line each, for a wrapped line moves what is below. */
  const draw = () => {
    block?.draw(names.map((name) => clipPlain(name)));
  };
  const clipPlain = (name: string) => {
    const diagnosis = done.get(name);
    const [mark, style] = diagnosis === undefined ? ['…', 'dim' as const] : MARKS[diagnosis.state];
    const rest = `${padEnd(name, nameWidth)}${printable(diagnosis?.text ?? '')}`;
    return `${session.paint(style, padEnd(mark, 6))}${clip(rest, Math.max(1, session.screen.columns - 7))}`;
  };
  draw();

  return {
    done(diagnosis: Diagnosis): void {
      done.set(diagnosis.check, diagnosis);
      draw();
      if (block !== undefined || session.isJson) return;
      for (let next = names[printed]; next !== undefined && done.has(next); next = names[printed]) {
        session.print(...line(next));
        printed += 1;
      }
    },
    end(): void {
      if (block === undefined) return;
      block.end();
      session.print(...names.flatMap(line));
    },
  };
}
