import { dirname } from 'node:path';
import { createPaint } from '../../src/cli/paint.ts';
import { screenOf } from '../../src/cli/screen.ts';
import { Interrupted, listenForEnding } from '../ending.ts';
import { tailOf } from './child.ts';
import { createCleanup } from './cleanup.ts';
import { type DemoContext, runDemo } from './demo.ts';
import { DemoFailure } from './failure.ts';
import { HELP, readOptions } from './options.ts';
import { createLiveView, createPlainView } from './progress-view.ts';
import { pause } from './waiting.ts';

/** How long a process that dies may take to be noticed after its connections broke, in milliseconds. */
const DEATH_NOTICE_MS = 500;

process.exit(await main());

/** Runs the demo and undoes it; gives back the exit code. */
async function main(): Promise<number> {
  const ending = listenForEnding();

  const cleanup = createCleanup();
  const result: { isGood: boolean | undefined } = { isGood: undefined };
  try {
    const options = readOptions(process.argv.slice(2));
    if (options.wantsHelp) {
      process.stdout.write(HELP);
      return 0;
    }
    await runDemo({
      ...createOutput(),
      root: dirname(dirname(import.meta.dirname)),
      env: process.env,
      options,
      cleanup,
      onDeath: (failure) => ending.abort(failure),
      onVerified(isGood) {
        result.isGood = isGood;
      },
      signal: ending.signal,
    });
    return result.isGood ? 0 : 1;
  } catch (error) {
    return await report(error, ending.signal, result.isGood);
  } finally {
    for (const failure of await cleanup.run()) process.stderr.write(`Clean-up failed: ${failure}\n`);
  }
}

function createOutput(): Pick<DemoContext, 'view' | 'idleView' | 'print' | 'paint'> {
  const { stdout, env } = process;
  const screen = screenOf(stdout);
  const paint = createPaint(screen);
  const write = (text: string) => void stdout.write(text);
  const isLive = stdout.isTTY && env['TERM'] !== 'dumb';
  return {
    paint,
    print: (line) => write(`${line}\n`),
    view: isLive ? createLiveView(screen, paint) : createPlainView(write),
    idleView: createPlainView(write),
  };
}

/** Says what went wrong; gives back the exit code. Being stopped once all was verified is no failure. */
async function report(error: unknown, signal: AbortSignal, isGood: boolean | undefined): Promise<number> {
  await pause(signal.aborted ? 0 : DEATH_NOTICE_MS, signal).catch(() => {});
  const reason: unknown = signal.aborted ? signal.reason : error;
  if (reason instanceof Interrupted) {
    process.stdout.write('\nStopping\n');
    if (isGood === undefined) return reason.exitCode;
    return isGood ? 0 : 1;
  }
  if (!(reason instanceof DemoFailure)) {
    process.stderr.write(`\nThe demo failed: ${reason instanceof Error ? reason.stack : reason}\n`);
    return 1;
  }
  process.stderr.write(`\n${reason.message}\n`);
  if (reason.logPath !== undefined) {
    process.stderr.write(`The end of its log:\n${await tailOf(reason.logPath)}\n`);
  }
  return 1;
}
