import { join } from 'node:path';
import { makeAuthority } from './authority.ts';
import type { Bench } from './bench.ts';
import { createLoneLegs, splitInHalves } from './lone-legs.ts';
import { writeRecording } from './recording-file.ts';
import { linkTo, runScript } from './script-job.ts';
import { delayAnswers, limitLinks, type Speeds } from './simulated-services.ts';
import { describeLimits, limitFigures, measureSimulators } from './simulator-limits.ts';
import { makeFolder } from './sluice.ts';
import { median, spread } from './statistics.ts';
import { openWorld, startForgetfulServices, type World } from './world.ts';

const MIB = 1024 * 1024;

/** One thing that is timed. */
interface Way {
  readonly title: string;
  readonly speeds: Speeds;
  readonly delayMs: number;
  /** What it is divided by: the slowest of its legs alone, under the same conditions. */
  readonly over: string;
  /** In the first round only, because it is long or no goal hangs on it. */
  readonly isOnce?: boolean;
  /** Gives back the milliseconds that it took. */
  readonly run: () => Promise<number>;
}

/** How long a recording takes to come home, against the slowest of its three legs alone. */
export const overlap: Bench = {
  name: 'overlap',
  description: 'time to fetch, archive and publish a recording, against the slowest of the three alone',
  settings: {
    mib: 'size of the recording (default 512)',
    'link-mb-per-s': "speed of each service's link (default 25)",
    'late-ms': 'how late late answers are (default 300)',
    rclone: 'the rclone of the script (default: the one on the PATH)',
  },
  rounds: 3,
  knowsTls: true,
  async run(context) {
    const { rounds, say, setting, signal, withTls } = context;
    const [mib, linkMb, lateMs] = [
      setting('mib', 512),
      setting('link-mb-per-s', 25),
      setting('late-ms', 300),
    ];
    const rclone = setting('rclone', 'rclone');
    const [bytes, bytesPerSecond] = [mib * MIB, linkMb * 1e6];
    const folder = await makeFolder(context);
    const path = join(folder, 'recording.mp4');
    await writeRecording(path, bytes);
    const halves = await splitInHalves(path, bytes);

    const services = await startForgetfulServices(context);
    const legs = createLoneLegs(services, signal);
    const limits = await measureSimulators(services, legs, path, bytes);
    say(describeLimits(limits));
    const plain = await openWorld(context, services);
    const tls = withTls
      ? await openWorld(context, await startForgetfulServices(context, await makeAuthority(context)))
      : undefined;

    const even = { download: bytesPerSecond, archive: bytesPerSecond, publish: bytesPerSecond };
    const fastDownload = { ...even, download: 2 * bytesPerSecond };
    const slowDownload = { ...even, archive: 2 * bytesPerSecond, publish: 2 * bytesPerSecond };
    const download = async () => legs.download(await linkTo(services.urls, path));
    const archive = () => legs.archiveInParts(halves);
    const publish = () => legs.publish(path);
    const bringHome = async ({ recordings }: World = plain) => {
      const { wallMs, doneAfterMs } = await recordings.untilHome(await recordings.announce(path));
      const [fetched, archived, published] = [
        doneAfterMs.fetch,
        doneAfterMs.archive,
        doneAfterMs.publish,
      ].map(toS);
      say(`fetched after ${fetched} s, archived after ${archived} s, published after ${published} s`);
      return wallMs;
    };
    /** The same with every service behind TLS, also for the leg alone. */
    const tlsWays = (world: World): Readonly<Record<string, Way>> => {
      const tlsLegs = createLoneLegs(world.services, signal);
      const downloadAlone = async () => tlsLegs.download(await linkTo(world.services.urls, path));
      const shared = { speeds: even, delayMs: 0, over: 'tls_alone' };
      return {
        tls_alone: { ...shared, title: 'download alone, TLS', run: downloadAlone },
        tls_ratio: { ...shared, title: 'Sluice, TLS', run: () => bringHome(world) },
      };
    };
    const script = async () =>
      (await runScript({ services, link: await linkTo(services.urls, path), rclone, folder, signal })).wallMs;
    const late = `Sluice, every answer ${lateMs} ms late`;
    const ways: Readonly<Record<string, Way>> = {
      alone: { title: 'download alone', speeds: even, delayMs: 0, over: 'alone', run: download },
      ratio: { title: 'Sluice', speeds: even, delayMs: 0, over: 'alone', run: () => bringHome() },
      ...(tls && tlsWays(tls)),
      // Of the three, the one with the most answers to wait for: account, bucket, file, upload URL, part, end.
      late_alone: {
        title: 'archive alone, late',
        speeds: even,
        delayMs: lateMs,
        over: 'late_alone',
        run: archive,
      },
      late_download_alone: {
        title: 'download alone, late',
        speeds: even,
        delayMs: lateMs,
        over: 'late_download_alone',
        run: download,
      },
      late_ratio: { title: late, speeds: even, delayMs: lateMs, over: 'late_alone', run: () => bringHome() },
      slow_download_ratio: {
        title: 'Sluice',
        speeds: slowDownload,
        delayMs: 0,
        over: 'alone',
        isOnce: true,
        run: () => bringHome(),
      },
      publish_alone: {
        title: 'publish alone',
        speeds: fastDownload,
        delayMs: 0,
        over: 'publish_alone',
        isOnce: true,
        run: publish,
      },
      fast_download_ratio: {
        title: 'Sluice',
        speeds: fastDownload,
        delayMs: 0,
        over: 'publish_alone',
        isOnce: true,
        run: () => bringHome(),
      },
      script_ratio: {
        title: 'curl, rclone, tus-js-client in turn',
        speeds: even,
        delayMs: 0,
        over: 'alone',
        isOnce: true,
        run: script,
      },
    };

    const tookMs: Record<string, number[]> = {};
    const ratios: Record<string, number[]> = {};
    for (let round = 1; round <= rounds; round += 1) {
      for (const [name, way] of Object.entries(ways)) {
        if (way.isOnce && round > 1) continue;
        for (const world of tls ? [plain, tls] : [plain]) {
          await limitLinks(world.services, way.speeds);
          await delayAnswers(world.services, way.delayMs);
        }
        const ms = await way.run();
        const aloneMs = way.over === name ? ms : (tookMs[way.over]?.at(-1) ?? Number.NaN);
        tookMs[name] = [...(tookMs[name] ?? []), ms];
        ratios[name] = [...(ratios[name] ?? []), ms / aloneMs];
        say(
          `round ${round}: ${way.title}, ${describe(way.speeds)}: ${toS(ms)} s, ${(ms / aloneMs).toFixed(3)}`,
        );
      }
    }

    const ratedMs = (bytes / bytesPerSecond) * 1000;
    const figures: Record<string, number> = limitFigures('overlap', limits);
    const samples: Record<string, readonly number[]> = {};
    for (const [name, { over }] of Object.entries(ways)) {
      samples[`overlap.${name}_ms`] = tookMs[name] ?? [];
      if (over === name) {
        figures[`overlap.${name}_to_rate`] = median(tookMs[name] ?? []) / ratedMs;
        continue;
      }
      figures[`overlap.${name}`] = median(ratios[name] ?? []);
      samples[`overlap.${name}`] = ratios[name] ?? [];
    }
    return {
      figures,
      samples,
      rows: [
        ['way', 'MB/s', 'seconds', 'min..max', 'slowest leg alone = 1', 'min..max', 'bytes / rate = 1'],
        ...Object.entries(ways).map(([name, { title, speeds }]) => [
          title,
          describe(speeds),
          ...spread((tookMs[name] ?? []).map((ms) => ms / 1000)),
          ...spread(ratios[name] ?? [], 3),
          (median(tookMs[name] ?? []) / ratedMs).toFixed(3),
        ]),
      ],
      notes: [
        `${mib} MiB; MB/s: the links of Zoom, B2 and Bunny; at ${linkMb} MB/s the bytes take ${(ratedMs / 1000).toFixed(2)} s.`,
        "Sluice: from the webhook's answer until both copies are made; the script: from its start to its end.",
        'Late: every answer of Zoom, B2 and Bunny, also to the archive leg alone that it is divided by.',
        describeLimits(limits),
      ],
    };
  },
};

function describe({ download, archive, publish }: Speeds): string {
  return [download, archive, publish].map((each) => (each === undefined ? '-' : each / 1e6)).join('/');
}

function toS(ms: number): string {
  return (ms / 1000).toFixed(2);
}
