import { spawnSync } from 'node:child_process';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { completionScript } from '../../../src/cli/completion.ts';
import type { Io, Screen } from '../../../src/cli/io.ts';
import { createProgram } from '../../../src/cli/program.ts';

let written = '';
const screen: Screen = {
  stream: process.stdout,
  write: (text) => {
    written += text;
  },
  isTTY: false,
  columns: 100,
  rows: 30,
};
const program = createProgram({ stdout: screen, stderr: screen } as Io, '1.2.3');

function leavesOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leavesOf);
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

const commands = leavesOf(program).map((command) => [pathOf(command), command] as const);

describe('the help of', () => {
  it.each(commands)('%s says what it does and shows an example, with --json', (path, command) => {
    written = '';
    command.outputHelp();

    expect(written).toContain(`Usage: ${path}`);
    expect(written).toMatch(/Examples?:\n {2}/);
    expect(written).toContain(`\n  ${path}`);
    expect(written).toContain('--json');
    for (const option of command.options) expect(option.description).not.toBe('');
    for (const argument of command.registeredArguments) expect(argument.description).not.toBe('');
  });
});

describe('completion in bash', () => {
  /** What a real bash offers for the last word of each of these lines. */
  function offered(lines: readonly (readonly string[])[]): string[][] {
    const asked = lines.map((words) => `ask sluice ${words.map((word) => `'${word}'`).join(' ')}`);
    const script = [
      completionScript(program, 'bash'),
      `ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sluice; echo "\${COMPREPLY[*]}"; }`,
      ...asked,
    ].join('\n');
    const { stdout, stderr } = spawnSync('bash', { input: script, encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout
      .split('\n')
      .slice(0, lines.length)
      .map((line) => line.split(' ').filter(Boolean));
  }

  it('offers every command there is', () => {
    expect(offered([['']])).toEqual([program.commands.map((command) => command.name())]);
    const lines = commands.map(([path]) => path.split(' ').slice(1));
    for (const [index, names] of offered(lines).entries()) expect(names).toContain(lines[index]?.at(-1));
  });

  it('offers every option there is', () => {
    const all = offered(commands.map(([path]) => [...path.split(' ').slice(1), '--']));
    for (const [index, [, command]] of commands.entries()) {
      const options = [...command.options, ...program.options].map(({ long }) => long);
      expect(all[index]).toEqual(expect.arrayContaining(options));
    }
  });

  it.each<[string[], string[]]>([
    [['list', '--st'], ['--state']],
    [['list', '--state', 'fai'], ['failed']],
    [['list', '--state', 'failed,ba'], ['failed,backing-off']],
    [['--url', 'http://x', 'list', '--source', 'm'], ['manual']],
    [['logs', '--level', 'wa'], ['warn']],
    [['token', 'cr'], ['create']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['rules', 'test', 'package.jso'], ['package.json']],
    [['show', ''], []],
    [['list', '--limit', ''], []],
  ])('offers for %j %j', (words, offers) => {
    expect(offered([words])).toEqual([offers]);
  });
});

describe('completion in other shells', () => {
  it('knows every command and option in fish', () => {
    const script = completionScript(program, 'fish');
    for (const [path, command] of commands) {
      expect(script).toContain(`-a ${path.split(' ').at(-1)} `);
      for (const { long } of command.options) expect(script).toContain(`-l ${long?.slice(2)} `);
    }
  });

  it('is that of bash in zsh, which brings a layer for it', () => {
    const [bash, zsh] = [completionScript(program, 'bash'), completionScript(program, 'zsh')];
    expect(zsh).toMatch(/^#compdef sluice\n/);
    expect(zsh).toContain('bashcompinit');
    expect(zsh).toContain(bash.split('\n').slice(1).join('\n'));
  });
});
