import { z } from 'zod';
import { DemoFailure } from './failure.ts';

const STAGES = [
  'fetch',
  'archive',
  'publish',
  'notify',
  'probe',
  'hls-720p',
  'thumbnail',
  'cleanup',
] as const;

const summaryShape = z.object({
  id: z.string(),
  source: z.enum(['zoom', 'manual', 'custom']),
  state: z.string(),
  title: z.string(),
  run_of: z.string().nullable(),
  ace_id: z.string().nullable(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  last_error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

const time = z.iso.datetime().transform((text) => Date.parse(text));

const stageShape = z
  .object({ started_at: time.nullable(), done_at: time.nullable() })
  .transform((stage) => ({ startedAtMs: stage.started_at, doneAtMs: stage.done_at }));

const detailShape = summaryShape.extend({
  facts: z.object({
    fetch: z.object({ bytes: z.number() }).optional(),
    archive: z
      .object({ file_id: z.string(), file_name: z.string() })
      .transform((fact) => ({ fileId: fact.file_id, fileName: fact.file_name }))
      .optional(),
    probe: z
      .object({
        container: z.string(),
        duration_s: z.number().nullable(),
        bytes: z.number(),
        streams: z.array(
          z.object({
            kind: z.string(),
            codec: z.string().nullable(),
            width_px: z.number().nullable(),
            height_px: z.number().nullable(),
            frames_per_s: z.number().nullable(),
            channels: z.number().nullable(),
          }),
        ),
      })
      .transform(({ duration_s: durationS, ...fact }) => ({ ...fact, durationS }))
      .optional(),
    'archive-folder': z.object({ file_name: z.string() }).optional(),
    publish: z
      .object({ video_id: z.string() })
      .transform((fact) => ({ videoId: fact.video_id }))
      .optional(),
  }),
  outputs: z.array(
    z
      .object({
        step: z.string(),
        state: z.string(),
        error: z.object({ message: z.string() }).nullable(),
        cost: z.object({ cpu_s: z.number(), wall_s: z.number(), peak_rss_bytes: z.number() }).nullable(),
        bytes: z.number().nullable(),
      })
      .transform(({ cost, ...output }) => ({
        ...output,
        cost: cost && { cpuS: cost.cpu_s, wallS: cost.wall_s, peakRssBytes: cost.peak_rss_bytes },
      })),
  ),
  stages: z.record(z.string(), stageShape),
  events: z.array(z.object({ at: time, type: z.string() })),
  deliveries: z.array(z.object({ type: z.string(), state: z.string() })),
});

const listShape = z.object({ recordings: z.array(summaryShape) });

export type Stage = (typeof STAGES)[number];

/** A recording as `GET /api/recordings` lists it. */
export type RecordingSummary = z.infer<typeof summaryShape>;

/** A recording as `GET /api/recordings/{id}` tells of it; `at` is milliseconds since 1970. */
export type RecordingDetail = z.infer<typeof detailShape>;

/** The stages that a recording is in at this moment, in their order. */
export function stagesInMotion({ state, stages }: RecordingDetail): readonly Stage[] {
  if (state !== 'moving') return [];
  return STAGES.filter((stage) => stages[stage]?.startedAtMs != null && stages[stage].doneAtMs === null);
}

/** What the website is told at the very end: Bunny has made the video playable, or something has failed. */
const LAST_WORDS = new Set(['recording.playable', 'recording.failed']);

/** Whether nothing will happen to a recording any more, its announcement included. */
export function isSettled({ state, deliveries, run_of }: RecordingDetail): boolean {
  if (deliveries.some((delivery) => delivery.state === 'pending')) return false;
  const isHeard = run_of !== null || deliveries.some(({ type }) => LAST_WORDS.has(type));
  return state === 'failed' || (state === 'done' && isHeard);
}

/** What a further run goes by: a recipe, or presets, each with parameters of this run alone. */
export type RunWay =
  | { readonly recipe: string }
  | { readonly presets: readonly string[]; readonly params: Readonly<Record<string, object>> };

/** What the pipeline server tells of its recordings. */
export interface RecordingsApi {
  /** Oldest first. */
  list(signal: AbortSignal): Promise<readonly RecordingSummary[]>;
  detail(id: string, signal: AbortSignal): Promise<RecordingDetail>;
  /** Has something more made of a recording that is home. */
  startRun(id: string, way: RunWay, signal: AbortSignal): Promise<void>;
}

export function createRecordingsApi(pipelineUrl: string): RecordingsApi {
  async function ask(path: string, init: RequestInit): Promise<unknown> {
    const response = await fetch(`${pipelineUrl}${path}`, init);
    const text = await response.text();
    if (!response.ok) throw new DemoFailure(`${path} was answered with ${response.status}: ${text}`);
    return JSON.parse(text);
  }

  return {
    async list(signal) {
      const { recordings } = listShape.parse(await ask('/api/recordings?limit=200', { signal }));
      return recordings.toReversed();
    },
    detail: async (id, signal) => detailShape.parse(await ask(`/api/recordings/${id}`, { signal })),
    async startRun(id, way, signal) {
      await ask('/api/runs', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ recording_id: id, ...way }),
        signal,
      });
    },
  };
}
