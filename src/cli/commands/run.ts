import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { readParamValue } from '../param-value.ts';
import { openSession } from '../session.ts';

const answerShape = z.looseObject({ id: z.string(), state: z.string(), duplicate: z.boolean() });

const NOTES = `
The run is a recording by itself, with an id of its own: show, watch, retry and cancel take it. Whatever becomes of it, the
recording that it is a run of keeps what it has reached.

Examples:
  sluice run rec_4bf5122f344554c53bde2ebb probe
  sluice run rec_4bf5122f344554c53bde2ebb --preset web-720p thumbnail
  sluice run media-in:courses/algebra-1.mov --preset hls-1080p
  sluice run media-in:courses/algebra-1.mov --output start=thumbnail end=thumbnail --param end.time=100%
  sluice run rec_4bf5122f344554c53bde2ebb copy --param archive.store=folder --reference copy-1 --json`;

interface RunOptions {
  readonly preset?: readonly string[];
  readonly output: readonly { readonly id: string; readonly task: string }[];
  readonly to?: string;
  readonly param: Record<string, Record<string, unknown>>;
  readonly reference?: string;
  readonly webhookUrl?: string;
}

/** `sluice run ID RECIPE`, `sluice run ID --preset NAME...`: one more run of a recording that is home. */
export function addRunCommand(program: Command, io: Io): void {
  program
    .command('run')
    .summary('a run of a recording or an input, by a recipe or by presets')
    .description(
      'Begins a run of a recording that is home, from its archived file, or of an input, by a recipe or by presets.',
    )
    .argument('<id>', 'of the recording; or an input: s3://bucket/key, https://…, media-in:path')
    .argument('[recipe]', 'see sluice recipes; or --preset')
    .option('--preset <name...>', 'what is to be made, see sluice presets; one output by each')
    .option(
      '--output <id=task...>',
      'what is to be made, thought out for this run; its parameters by --param id.name=value',
      readOutput,
      [],
    )
    .option('--to <place>', 'where outputs of presets go, in place of where they say')
    .option(
      '--param <step.name=value>',
      'a parameter of a step in place of the recipe’s; of a preset, by its name',
      readParam,
      {},
    )
    .option('--reference <text>', 'yours: asked for again with the same one, nothing new begins')
    .option('--webhook-url <address>', 'hears of the run: what it announces, and how it ends')
    .addHelpText('after', NOTES)
    .action(async (id: string, recipe: string | undefined, options: RunOptions, command: Command) => {
      const { preset, output, to, param, reference, webhookUrl } = options;
      const ways = [recipe, preset, output[0]].filter((way) => way !== undefined);
      if (ways.length !== 1) {
        throw usageFailure(
          'A run goes by a recipe, by presets, or by outputs.',
          'Name one of them: sluice run ID RECIPE, sluice run ID --preset NAME, or sluice run ID --output ID=TASK.',
        );
      }
      const hasParams = Object.keys(param).length > 0;
      const outputs = output.map((each) => ({ ...each, params: param[each.id] ?? {} }));
      const stray = Object.keys(param).find((id) => !outputs.some((each) => each.id === id));
      if (outputs.length > 0 && stray !== undefined) {
        throw usageFailure(
          `There is no output "${stray}" that --param could be of.`,
          'Name it by --output ID=TASK.',
        );
      }
      const session = openSession(io, command);
      const body = {
        ...(isInput(id) ? { input: id } : { recording_id: id }),
        ...(recipe === undefined ? {} : { recipe }),
        ...(preset === undefined ? {} : { presets: preset }),
        ...(to === undefined ? {} : { to }),
        ...(outputs.length === 0 ? {} : { outputs }),
        ...(outputs.length > 0 || !hasParams ? {} : { params: param }),
        ...(reference === undefined ? {} : { reference }),
        ...(webhookUrl === undefined ? {} : { webhook_url: webhookUrl }),
      };
      const run = await session.api.post('/api/runs', body, answerShape, session.signal);
      if (session.isJson) session.printJson(run);
      else session.print(`${run.id} ${run.state}${run.duplicate ? ', known already' : ''}`);
    });
}

/** Whether it is an address; recordings' ids have no colon. */
function isInput(text: string): boolean {
  return text.includes(':');
}

function readOutput(text: string, before: RunOptions['output']): RunOptions['output'] {
  const [, id, task] = /^([a-z][a-z0-9-]*)=([a-z][a-z0-9-]*)$/.exec(text) ?? [];
  if (id === undefined || task === undefined)
    throw new InvalidArgumentError('It has to look like poster=thumbnail.');
  return [...before, { id, task }];
}

function readParam(text: string, before: RunOptions['param']): RunOptions['param'] {
  const [, step, name, value] = /^([a-z0-9-]+)\.([A-Za-z0-9_-]+)=(.*)$/s.exec(text) ?? [];
  if (step === undefined || name === undefined || value === undefined) {
    throw new InvalidArgumentError('It has to look like archive.store=folder.');
  }
  return { ...before, [step]: { ...before[step], [name]: readParamValue(value) } };
}
