#!/usr/bin/env node
import { Command } from 'commander';
import { loadEnvFile } from '../config/config.ts';
import { summarize } from '../domain/errors.ts';
import { addRulesCommand } from './commands/rules.ts';
import type { CliIo } from './io.ts';

loadEnvFile();
const io: CliIo = {
  env: process.env,
  out: (text) => process.stdout.write(`${text}\n`),
};

const program = new Command('sluice').description('Looks at and steers a Sluice on this machine.');
addRulesCommand(program, io);

try {
  await program.parseAsync();
} catch (error) {
  const { code, message } = summarize(error);
  process.stderr.write(`${code}: ${message}\n`);
  process.exitCode = 1;
}
