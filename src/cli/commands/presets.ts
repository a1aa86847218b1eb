import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { readParamValue } from '../param-value.ts';
import { openSession, type Session } from '../session.ts';
import { renderTable } from '../table.ts';

const presetShape = z.looseObject({
  name: z.string(),
  version: z.number(),
  task: z.string(),
  params: z.record(z.string(), z.unknown()),
  description: z.string(),
  is_built_in: z.boolean(),
  problems: z.array(z.string()),
});
type Preset = z.output<typeof presetShape>;

const presetsShape = z.looseObject({ presets: z.array(presetShape) });

const EXAMPLES = `
Examples:
  sluice presets
  sluice presets show web-720p --json
  sluice presets create first-minute trim --param end=60s --description "The first minute"
  sluice presets change first-minute --param end=90s
  sluice presets remove first-minute`;

const PARAM = [
  '--param <name=value>',
  'of its task; numbers, true, false and JSON are read as such',
] as const;

interface SaidOptions {
  readonly task?: string;
  readonly param: Record<string, unknown>;
  readonly description?: string;
}

/** `sluice presets`: what outputs can be made of recordings by a name. */
export function addPresetsCommand(program: Command, io: Io): void {
  const presets = program
    .command('presets')
    .summary('what can be made of recordings by a name')
    .description(
      'Shows the presets: tasks with parameters under a name, by which "sluice run ID --preset NAME" makes outputs.',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (_options: object, command: Command) => {
      const session = openSession(io, command);
      const found = await session.api.get('/api/presets', presetsShape, session.signal);
      if (session.isJson) session.printJson(found);
      else session.print(...table(found.presets, session));
    });

  presets
    .command('show')
    .description('Shows one preset.')
    .argument('<name>', 'of the preset')
    .addHelpText('after', '\nExample:\n  sluice presets show web-720p --json | jq .params')
    .action(async (name: string, _options: object, command: Command) => {
      const session = openSession(io, command);
      tell(session, await session.api.get(pathOf(name), presetShape, session.signal));
    });

  presets
    .command('create')
    .description('Makes a preset.')
    .argument('<name>', 'small letters, digits and hyphens')
    .argument('<task>', 'of the lane media, see sluice recipes tasks')
    .option(...PARAM, readParam, {})
    .option('--description <text>', 'for people')
    .addHelpText(
      'after',
      '\nExample:\n  sluice presets create poster thumbnail --param time=50% --param width=640',
    )
    .action(async (name: string, task: string, options: SaidOptions, command: Command) => {
      const session = openSession(io, command);
      const body = { name, task, params: options.param, description: options.description ?? '' };
      tell(session, await session.api.post('/api/presets', body, presetShape, session.signal));
    });

  presets
    .command('change')
    .description('Changes what is named of a preset; runs that were begun before go on as they are.')
    .argument('<name>', 'of the preset')
    .option('--task <task>', 'another one; the parameters begin anew')
    .option(...PARAM, readParam, {})
    .option('--without <name>', 'a parameter that is to be as the task has it', collect, [])
    .option('--description <text>', 'for people')
    .addHelpText('after', '\nExample:\n  sluice presets change poster --param width=1280 --without time')
    .action(async (name: string, options: SaidOptions & { without: readonly string[] }, command: Command) => {
      const session = openSession(io, command);
      const { task, param, without, description } = options;
      if (task === undefined && description === undefined && Object.keys(param).length + without.length === 0)
        throw usageFailure('Nothing is to be changed.', 'Name --param, --without, --task or --description.');
      const known = await session.api.get(pathOf(name), presetShape, session.signal);
      const params = { ...(task === undefined ? known.params : {}), ...param };
      for (const each of without) delete params[each];
      const body = { task: task ?? known.task, params, description: description ?? known.description };
      tell(session, await session.api.post(pathOf(name), body, presetShape, session.signal));
    });

  presets
    .command('remove')
    .description('Takes a preset away; runs that were begun before go on as they are.')
    .argument('<name>', 'of the preset')
    .addHelpText('after', '\nExample:\n  sluice presets remove poster')
    .action(async (name: string, _options: object, command: Command) => {
      const session = openSession(io, command);
      const removed = await session.api.post(`${pathOf(name)}/remove`, {}, presetShape, session.signal);
      if (session.isJson) session.printJson(removed);
      else session.print(`${removed.name} is removed.`);
    });
}

function pathOf(name: string): string {
  return `/api/presets/${encodeURIComponent(name)}`;
}

function tell(session: Session, preset: Preset): void {
  if (session.isJson) {
    session.printJson(preset);
    return;
  }
  const { name, version, task, params, description, is_built_in: isBuiltIn, problems } = preset;
  session.print(
    `${name} (version ${version}${isBuiltIn ? ', built in' : ''})${description === '' ? '' : `: ${description}`}`,
    `  task: ${task}`,
    ...Object.entries(params).map(([param, value]) => `  ${param}: ${textOf(value)}`),
    ...problems.map((problem) => session.paint('yellow', `  no longer right: ${problem}`)),
  );
}

function table(presets: readonly Preset[], session: Session): string[] {
  return renderTable(
    presets,
    [
      { heading: 'PRESET', text: ({ name }) => name },
      { heading: 'VERSION', text: ({ version }) => String(version) },
      { heading: 'TASK', text: ({ task }) => task },
      {
        heading: 'WITH',
        text: ({ params, problems }) =>
          problems.length > 0
            ? `no longer right: ${problems.join('; ')}`
            : Object.entries(params)
                .map(([name, value]) => `${name}: ${textOf(value)}`)
                .join(', '),
        minWidth: 20,
      },
      { heading: 'WHOSE', text: ({ is_built_in: isBuiltIn }) => (isBuiltIn ? 'built in' : 'yours') },
    ],
    session,
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function readParam(text: string, before: Record<string, unknown>): Record<string, unknown> {
  const [, name, value] = /^([A-Za-z][A-Za-z0-9_-]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError('It has to look like shortSide=720.');
  }
  return { ...before, [name]: readParamValue(value) };
}

function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}
