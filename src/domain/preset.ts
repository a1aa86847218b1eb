import { FIRST_LANE, type TaskShape } from './recipe.ts';

/** A task of the lane in which files are made of recordings, with the parameters that somebody has chosen, under a name. */
export interface Preset {
  /** That of the step which it becomes in a run. */
  readonly name: string;
  /** Rises with each change; a name that is used again goes on behind the last one. */
  readonly version: number;
  readonly task: string;
  /** Those that were given: what is not is as the task has it. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly description: string;
  /** Sluice's own, which nobody changes or removes. */
  readonly isBuiltIn: boolean;
  /** `null` of one that is built in. */
  readonly changedAtMs: number | null;
  readonly changedBy: string | null;
}

/** An output that the caller of a run has thought out: what a preset says, for one run. */
export interface NewOutput {
  /** That of its step. */
  readonly id: string;
  readonly task: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** What somebody says of a preset. */
export type NewPreset = Pick<Preset, 'name' | 'task' | 'params' | 'description'>;

/** Whether a task can be a preset: it makes something of a file, or says what is in it. */
export function canBePreset({ lane, takes }: TaskShape): boolean {
  return lane !== FIRST_LANE && takes !== undefined;
}

/** What every run of presets has beside them. */
export const PRESET_RUN_STEPS: readonly string[] = ['fetch', 'cleanup'];

/** What a run by presets is called where others have the name of their recipe. */
export const PRESET_RUN = 'presets';

/** The same of a job. */
export const JOB_RUN = 'job';

/** A preset, and what has become wrong with it since it was kept: its task may be gone, or take other parameters. */
export interface PresetSeen extends Preset {
  readonly problems: readonly string[];
}
