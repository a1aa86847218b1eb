import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Job, WorkerDefinition } from '../definition.ts';
import { WorkerSetupError } from '../errors.ts';
import { decode, type Frame, type WantedStream } from './decode.ts';
import { probe, type SourceFormat } from './probe.ts';

/** What a worker of frames says of one: an object is kept as JSON, a text as a piece of XML, nothing leaves no trace. */
export type FrameResult = object | string | undefined;

/** A worker that is handed the frames of a source, and says something of each. */
export interface FrameWorkerDefinition<Schema extends z.ZodObject>
  extends Omit<WorkerDefinition<Schema>, 'process'> {
  /** Looks at what the source is, and says which of its streams are wanted. Streams that it does not name are not decoded. */
  initProcess(
    format: SourceFormat,
    job: Job<z.output<Schema>>,
  ): Promise<readonly WantedStream[]> | readonly WantedStream[];
  /** Called for one frame after the other, in the order of each stream. */
  processFrame(
    frame: Frame,
    at: { readonly streamIndex: number; readonly job: Job<z.output<Schema>> },
  ): Promise<FrameResult> | FrameResult;
  /** Called after the last frame, also where the job failed or was stopped. */
  endProcess?(job: Job<z.output<Schema>>): Promise<void> | void;
}

const sectionSchema = z.looseObject({
  source_path: z.string(),
  destination_path: z.string(),
  sdk_start_index: z.int().min(0).optional(),
  sdk_stop_index: z.int().min(0).optional(),
});

/** The shape of what every worker of frames is ordered by; more is added to it by `extend`. */
export const frameParameters = z.object({
  source_path: z.string().describe('The file whose frames are looked at'),
  destination_path: z.string().describe('The file that the results are written to'),
  sdk_start_index: z.int().min(0).optional().describe('Where the section begins, in milliseconds'),
  sdk_stop_index: z.int().min(0).optional().describe('Where the section ends, in milliseconds'),
});

/** Makes a worker out of one of frames, by ffmpeg and ffprobe of the system. */
export function frameWorker<Schema extends z.ZodObject>(
  definition: FrameWorkerDefinition<Schema>,
): WorkerDefinition<Schema> {
  for (const id of ['source_path', 'destination_path']) {
    if (definition.parameters?.shape?.[id] === undefined) {
      throw new WorkerSetupError(`The parameters of a worker of frames lack ${id}: extend "frameParameters"`);
    }
  }
  return {
    ...definition,
    async process(job) {
      const section = sectionSchema.parse(job.parameters);
      const { source_path: path, destination_path: destination } = section;
      for (const each of [path, destination]) {
        if (each.startsWith('srt://')) throw new Error(`${each}: streams over SRT are not spoken here`);
      }
      const [startS, stopS] = [toSeconds(section.sdk_start_index), toSeconds(section.sdk_stop_index)];
      const format = await probe(path, job.signal);
      const results: FrameResult[] = [];
      try {
        const streams = await definition.initProcess(format, job);
        checkStreams(streams, format);
        const endS = Math.min(
          stopS ?? Number.POSITIVE_INFINITY,
          format.durationS ?? Number.POSITIVE_INFINITY,
        );
        const lengthS = endS - (startS ?? 0);
        await decode({
          path,
          streams,
          sourceStartS: format.startS ?? 0,
          startS,
          stopS,
          signal: job.signal,
          onFrame: async (streamIndex, frame) => {
            results.push(await definition.processFrame(frame, { streamIndex, job }));
            const isMeasured = streamIndex === streams[0]?.index && Number.isFinite(lengthS) && lengthS > 0;
            if (isMeasured) job.progress(((frame.timeS - (startS ?? 0)) / lengthS) * 100);
          },
        });
      } finally {
        await definition.endProcess?.(job);
      }
      await writeFile(destination, textOf(results));
      return { destinationPaths: [destination] };
    },
  };
}

function checkStreams(streams: readonly WantedStream[], format: SourceFormat): void {
  if (streams.length === 0) throw new Error('No stream of the source is wanted');
  for (const stream of streams) {
    const kind = format.streams.find(({ index }) => index === stream.index)?.kind ?? 'nothing';
    const wanted = 'video' in stream ? 'video' : 'audio';
    if (kind !== wanted) throw new Error(`Stream ${stream.index} of the source is ${kind}, and no ${wanted}`);
  }
}

/** All results in one file: JSON if there is any, else the pieces of XML behind each other. */
function textOf(results: readonly FrameResult[]): string {
  const frames = results.filter((result) => typeof result === 'object');
  const pieces = results.filter((result) => typeof result === 'string');
  return frames.length === 0 && pieces.length > 0 ? pieces.join('') : `${JSON.stringify({ frames })}\n`;
}

function toSeconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : milliseconds / 1000;
}
