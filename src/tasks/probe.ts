import { open } from 'node:fs/promises';
import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { LOOK_LANE, type TaskShape } from '../domain/recipe.ts';
import type { Task } from '../engine/task.ts';
import { noPictures } from './support/media-input.ts';
import { PROBED_ENTRIES, type Probed, readProbed } from './support/probed.ts';
import type { Tools } from './support/tools.ts';

const paramsShape = z.strictObject({
  requires: z
    .literal('pictures')
    .optional()
    .describe('Fail where the file has no moving pictures, before anything is made of it'),
});

export const shape = {
  name: 'probe',
  label: 'Probe',
  lane: LOOK_LANE,
  params: paramsShape,
  takes: { file: 'proved' },
} as const satisfies TaskShape;

type Params = z.output<typeof paramsShape>;

/**
 * Looks at what a file holds: container, streams, duration, size, rotation, frame rate. Makes nothing.
 *
 * Safe to repeat: it only reads.
 */
export function makeTask({
  ffprobe,
  ffmpeg,
}: Pick<Tools, 'ffprobe' | 'ffmpeg'>): Omit<Task<Params, Probed, never>, keyof TaskShape> {
  return {
    async run(context) {
      const { params, signal } = context;
      const { path, totalBytes } = await context.take('file');
      if (ffprobe === undefined) throw missing('FFPROBE is none');
      const handle = await open(path, 'r');
      let text: string | undefined;
      try {
        text = await ffprobe.show(handle, PROBED_ENTRIES);
      } finally {
        await handle.close();
      }
      signal.throwIfAborted();
      if (text === undefined) {
        // Of one that is broken ffmpeg says so in words.
        await ffmpeg?.run({
          args: [...(await ffmpeg.input(path)), '-t', '0', '-f', 'null', '-'],
          signal,
        });
        throw missing('ffprobe is not there, or says nothing of this file');
      }
      const probed = readProbed(text, totalBytes);
      if (probed === undefined) throw missing('ffprobe says what nobody can read');
      const hasPictures = probed.streams.some(({ kind, isCover }) => kind === 'video' && !isCover);
      if (params.requires === 'pictures' && !hasPictures) throw noPictures();
      return probed;
    },
  };
}

function missing(why: string): KnownError {
  return new KnownError(`The file cannot be probed: ${why}`, { code: 'TOOL_MISSING', retry: 'backoff' });
}
