import { open } from 'node:fs/promises';
import type { Config } from '../config/config.ts';
import { type FileReport, reportOn, whyRefused } from '../domain/media/file-report.ts';
import { pathBytes } from '../lib/byte-path.ts';
import { isFaststart } from '../lib/container.ts';
import { createFfprobe } from '../lib/ffprobe.ts';
import { inspectLocalFile } from '../lib/local-file.ts';
import { createFfmpeg } from '../outside/ffmpeg/driver.ts';
import { lookAt, lookInto, requireMediaTools, scanPackets } from '../tasks/support/look-into.ts';

/**
 * Says what is in a file of this machine, by the programs and the rules that steps go by. Decodes nothing, changes nothing.
 *
 * @param path Absolute.
 * @throws KnownError what `inspectLocalFile` and `lookInto` throw
 */
export async function probeFile(
  { media }: Pick<Config, 'media'>,
  path: string,
  signal: AbortSignal,
): Promise<FileReport> {
  const { realPath, bytes } = await inspectLocalFile(path);
  const tools = requireMediaTools({
    ffprobe: media.ffprobe && createFfprobe(media.ffprobe),
    ffmpeg: media.ffmpeg && createFfmpeg(media.ffmpeg),
  });
  const file = (await lookAt(tools.ffprobe, realPath)) ?? (await lookInto(tools, realPath, signal)).file;
  const { video } = file;
  const isScanned = video !== undefined && whyRefused(file) === undefined;
  const scan = isScanned
    ? await scanPackets(tools, { args: await tools.ffmpeg.input(realPath), video, signal })
    : undefined;
  const handle = await open(pathBytes(realPath), 'r');
  try {
    return reportOn(file, { bytes, isFaststart: await isFaststart(handle, bytes) }, scan);
  } finally {
    await handle.close();
  }
}
