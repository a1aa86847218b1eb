import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from './bench.ts';
import { startChildScript } from './child-script.ts';
import { createFileRuns } from './file-runs.ts';
import { createLoneLegs } from './lone-legs.ts';
import { peakMemoryMib } from './process-costs.ts';
import { writeRecording } from './recording-file.ts';
import { createRecordings } from './recording-run.ts';
import { withScope } from './scope.ts';
import { linkTo } from './script-job.ts';
import { settleDisk } from './settle-disk.ts';
import { limitLinks } from './simulated-services.ts';
import { makeFolder, startSluice } from './sluice.ts';
import { median, quantile } from './statistics.ts';
import type { SendingWanted, SentWebhook } from './webhook-sender.ts';
import { startForgetfulServices } from './world.ts';

const MIB = 1024 * 1024;

/** The recording that keeps the line busy while webhooks come: those that they tell of wait behind it. */
const MOVING = { bytes: 8 * 1024 ** 3, bytesPerSecond: 1_000_000 };

export interface BesideOptions {
  /** What is encoded meanwhile: long enough. */
  readonly film: string;
  readonly recipe: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** How recordings come home and doors answer while ffmpeg has all cores to do. */
export async function measureBeside(context: BenchContext, { film, recipe, settings }: BesideOptions) {
  const { rounds, say, setting, signal } = context;
  const bytes = setting('overlap-mib', 256) * MIB;
  const bytesPerSecond = setting('link-mb-per-s', 25) * 1e6;
  const [count, perSecond] = [setting('webhooks', 2000), setting('per-second', 200)];
  const folder = await makeFolder(context);
  const path = join(folder, 'recording.mp4');
  await writeRecording(path, bytes);
  const services = await startForgetfulServices(context);
  const even = { download: bytesPerSecond, archive: bytesPerSecond, publish: bytesPerSecond };
  const legs = createLoneLegs(services, signal);
  const ratios: number[] = [];
  const latenciesMs: number[][] = [];
  const notes = new Set<string>();
  let lost = 0;
  let workerPeakMib = 0;

  for (let round = 1; round <= rounds; round += 1) {
    await withScope(async (scope) => {
      await limitLinks(services, even);
      const aloneMs = await legs.download(await linkTo(services.urls, path));
      const sluice = await startSluice(scope, { ...services.environment, ...settings });
      const recordings = createRecordings(services.urls, sluice.pipelineUrl, signal);
      const encodes = createFileRuns(sluice, await makeFolder(scope), signal);
      const sender = startChildScript(scope, join(import.meta.dirname, 'webhook-sender.ts'));
      const encode = await encodes.begin(film, recipe);
      const isEncoding = async () => (await encodes.look(encode)).stages['package']?.done_at === null;
      while (!(await isEncoding())) await sleep(50, undefined, { signal });
      // Until the encoders have begun.
      await sleep(1000, undefined, { signal });

      const { wallMs } = await recordings.untilHome(await recordings.announce(path));
      ratios.push(wallMs / aloneMs);
      say(
        `round ${round}: download alone ${toS(aloneMs)} s, Sluice beside an encode ${toS(wallMs)} s, ${(wallMs / aloneMs).toFixed(3)}`,
      );

      await limitLinks(services, { ...even, download: MOVING.bytesPerSecond });
      const moving = join(folder, 'moving.mp4');
      await writeRecording(moving, MOVING.bytes, true);
      await recordings.announce(moving);
      await settleDisk(signal);
      const wanted: SendingWanted = {
        url: `${sluice.pipelineUrl}/zoom-upload`,
        secretToken: services.environment['ZOOM_WEBHOOK_SECRET_TOKEN'] ?? '',
        count,
        perSecond,
      };
      const { sent } = await sender.ask<{ sent: SentWebhook[] }>(wanted);
      latenciesMs.push(sent.map(({ latencyMs }) => latencyMs));
      lost += sent.filter(({ status }) => status !== 200).length;
      say(
        `round ${round}: ${count} webhooks beside an encode: p99 ${quantile(latenciesMs.at(-1) ?? [], 0.99).toFixed(1)} ms`,
      );
      if (!(await isEncoding())) {
        notes.add(
          'The encode came to its end too early: what was beside it was partly without one (--film-s).',
        );
      }
      workerPeakMib = Math.max(workerPeakMib, await peakMemoryMib(sluice.pid('worker')));
    });
  }

  const all = latenciesMs.flat();
  return {
    workerPeakMib,
    figures: {
      'media.doors_p50_ms': quantile(all, 0.5),
      'media.doors_p99_ms': quantile(all, 0.99),
      'media.doors_max_ms': quantile(all, 1),
      'media.doors_lost': lost,
      'media.overlap_ratio': median(ratios),
    },
    samples: {
      'media.overlap_ratio': ratios,
      'media.doors_p99_ms': latenciesMs.map((each) => quantile(each, 0.99)),
    },
    notes: [
      `Doors: ${count} signed webhooks, ${perSecond} a second, while five renditions of the camera are encoded and a recording moves.`,
      `overlap_ratio: a recording of ${bytes / MIB} MiB beside that encode, links of ${bytesPerSecond / 1e6} MB/s, over the download alone without one.`,
      ...notes,
    ],
  };
}

function toS(ms: number): string {
  return (ms / 1000).toFixed(2);
}
