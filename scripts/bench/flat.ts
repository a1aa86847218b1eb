import { join } from 'node:path';
import { makeAuthority } from './authority.ts';
import type { Bench } from './bench.ts';
import { peakMemoryMib } from './process-costs.ts';
import { writeRecording } from './recording-file.ts';
import { createRecordings } from './recording-run.ts';
import { withScope } from './scope.ts';
import { makeFolder, startSluice } from './sluice.ts';
import { median, spread } from './statistics.ts';
import { startForgetfulServices } from './world.ts';

const MIB = 1024 * 1024;

/** How much memory the worker holds at most. */
export const flat: Bench = {
  name: 'flat',
  description: "the worker's peak memory with a small and a large recording, and with many waiting",
  settings: {
    'small-mib': 'size of the small recording (default 64)',
    'large-mib': 'size of the large recording (default 8192)',
    waiting: 'how many recordings wait (default 1000)',
  },
  rounds: 3,
  knowsTls: true,
  async run(context) {
    const { rounds, say, setting, withTls } = context;
    const smallMib = setting('small-mib', 64);
    const largeMib = setting('large-mib', 8192);
    const waiting = setting('waiting', 1000);
    const plain = await startForgetfulServices(context);
    const tls = withTls ? await startForgetfulServices(context, await makeAuthority(context)) : undefined;
    const folder = await makeFolder(context);
    const [tiny, small, large] = ['tiny.mp4', 'small.mp4', 'large.mp4'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeRecording(tiny, MIB, true);
    await writeRecording(small, smallMib * MIB, true);
    await writeRecording(large, largeMib * MIB, true);

    /** The peak of a new worker that brings this file home first while others wait behind it. */
    const measure = (path: string, behind = 0, services = plain) =>
      withScope(async (scope) => {
        const sluice = await startSluice(scope, services.environment, ['pipeline']);
        const recordings = createRecordings(services.urls, sluice.pipelineUrl, context.signal);
        const first = await recordings.announce(path);
        for (let count = 0; count < behind; count += 1) await recordings.announce(tiny);
        await sluice.restart('worker');
        await recordings.untilHome(first);
        return await peakMemoryMib(sluice.pid('worker'));
      });

    const peaks = {
      small: [] as number[],
      large: [] as number[],
      waiting: [] as number[],
      tls: [] as number[],
    };
    for (let round = 1; round <= rounds; round += 1) {
      peaks.small.push(await measure(small));
      say(`round ${round}: ${smallMib} MiB, peak ${peaks.small.at(-1)?.toFixed(0)} MiB`);
      peaks.waiting.push(await measure(small, waiting));
      say(`round ${round}: ${waiting} waiting, peak ${peaks.waiting.at(-1)?.toFixed(0)} MiB`);
      peaks.large.push(await measure(large));
      say(`round ${round}: ${largeMib} MiB, peak ${peaks.large.at(-1)?.toFixed(0)} MiB`);
      if (tls === undefined) continue;
      peaks.tls.push(await measure(large, 0, tls));
      say(`round ${round}: ${largeMib} MiB over TLS, peak ${peaks.tls.at(-1)?.toFixed(0)} MiB`);
    }

    return {
      figures: {
        'flat.peak_mib': median(peaks.large),
        'flat.small_peak_mib': median(peaks.small),
        'flat.growth': median(peaks.large) / median(peaks.small),
        'flat.waiting_1000_mib': median(peaks.waiting),
        ...(tls && { 'flat.tls_peak_mib': median(peaks.tls) }),
      },
      rows: [
        ['the worker moves', 'peak MiB', 'min..max', 'of the small one'],
        ...(
          [
            [`${smallMib} MiB`, peaks.small],
            [`${smallMib} MiB while ${waiting} wait`, peaks.waiting],
            [`${largeMib} MiB`, peaks.large],
            ...(tls ? [[`${largeMib} MiB, every service behind TLS`, peaks.tls] as const] : []),
          ] as const
        ).map(([what, values]) => [
          what,
          ...spread(values, 0),
          (median(values) / median(peaks.small)).toFixed(2),
        ]),
      ],
      notes: [
        'Peak: the high-water mark of resident memory (VmHWM) of a worker started for this one recording.',
        'Links are not limited: the faster the bytes come, the more of them a careless program holds.',
      ],
      samples: {
        'flat.peak_mib': peaks.large,
        'flat.small_peak_mib': peaks.small,
        'flat.waiting_1000_mib': peaks.waiting,
        ...(tls && { 'flat.tls_peak_mib': peaks.tls }),
      },
    };
  },
};
