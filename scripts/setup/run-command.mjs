import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Problem } from './problem.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a command to its end and gives back its exit code (127 if there is no such command) and all that it printed.
 * A signal to this process is handed on, waited out, and thrown as a problem, so that locks and folders are cleaned up.
 */
export async function runCommand(command, args, { cwd, env = process.env } = {}) {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));

  let interruptedBy;
  const interrupt = (signal) => {
    interruptedBy = signal;
    child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    const exitCode = await new Promise((resolve, reject) => {
      child.on('error', (error) => (error.code === 'ENOENT' ? resolve(127) : reject(error)));
      child.on('close', (code) => resolve(code ?? 1));
    });
    if (interruptedBy !== undefined)
      throw new Problem('', { exitCode: 128 + constants.signals[interruptedBy] });
    return { exitCode, output: Buffer.concat(output).toString() };
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}
