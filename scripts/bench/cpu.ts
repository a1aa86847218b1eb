import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { createLoneLegs } from './lone-legs.ts';
import { cpuSecondsOf } from './process-costs.ts';
import { fetchNewestRclone, versionOf } from './rclone.ts';
import { writeRecording } from './recording-file.ts';
import { createRecordings } from './recording-run.ts';
import { type Cost, linkTo, runScript } from './script-job.ts';
import { startSimulatedServices } from './simulated-services.ts';
import { describeLimits, limitFigures, measureSimulators } from './simulator-limits.ts';
import { makeFolder, startSluice } from './sluice.ts';
import { median, spread } from './statistics.ts';
import { touchMemory } from './touched-memory.ts';

const MIB = 1024 * 1024;

/** Of the first recording, which is not counted: enough for the worker's code to have been compiled. */
const WARM_UP_BYTES = 128 * MIB;

/** What a recording costs in CPU time, against a script of well-known programs. */
export const cpu: Bench = {
  name: 'cpu',
  description: 'CPU time for a recording, against a script of curl, rclone and tus-js-client',
  settings: {
    mib: 'size of the recording (default 1024)',
    rclone: 'the rclone of the script (default: the one on the PATH)',
    'rclone-175': "a newer rclone, or none (default: the newest of Debian's unstable, fetched for this run)",
  },
  rounds: 5,
  async run(context) {
    const { rounds, say, setting, signal } = context;
    const mib = setting('mib', 1024);
    const rclone = setting('rclone', 'rclone');
    const version = await versionOf(rclone, signal);
    const wanted = setting('rclone-175', '');
    const newer = wanted === 'none' ? undefined : wanted === '' ? await fetchNewestRclone(context) : wanted;
    const newerVersion = newer === undefined ? undefined : await versionOf(newer, signal);

    const folder = await makeFolder(context);
    const [path, small] = [join(folder, 'recording.mp4'), join(folder, 'small.mp4')];
    await writeRecording(path, mib * MIB);
    await writeRecording(small, WARM_UP_BYTES);
    const services = await startSimulatedServices(context, {
      b2: { keepBytes: false },
      bunny: { keepBytes: false },
    });
    const legs = createLoneLegs(services, signal);
    const limits = await measureSimulators(services, legs, path, mib * MIB);
    say(describeLimits(limits));
    const sluice = await startSluice(context, services.environment);
    const recordings = createRecordings(services.urls, sluice.pipelineUrl, signal);

    async function bringHome(file: string): Promise<Cost> {
      const pid = sluice.pid('worker');
      const beforeS = await cpuSecondsOf(pid);
      const { wallMs } = await recordings.untilHome(await recordings.announce(file));
      return { wallMs, cpuS: (await cpuSecondsOf(pid)) - beforeS };
    }
    const script = async (program: string, file = path) =>
      await runScript({ services, link: await linkTo(services.urls, file), rclone: program, folder, signal });
    // A first time of everything, so that no round pays for what only the first one meets.
    await bringHome(small);
    for (const program of [rclone, ...(newer === undefined ? [] : [newer])]) await script(program, small);

    const costs = { sluice: [] as Cost[], script: [] as Cost[], newer: [] as Cost[] };
    const show = ({ cpuS, wallMs }: Cost) => `${cpuS.toFixed(2)} s of CPU in ${(wallMs / 1000).toFixed(2)} s`;
    for (let round = 1; round <= rounds; round += 1) {
      await touchMemory(folder, mib * MIB);
      const ours = await bringHome(path);
      await touchMemory(folder, mib * MIB);
      const theirs = await script(rclone);
      costs.sluice.push(ours);
      costs.script.push(theirs);
      say(`round ${round}: Sluice ${show(ours)}; script ${show(theirs)}`);
      if (newer === undefined) continue;
      await touchMemory(folder, mib * MIB);
      const newest = await script(newer);
      costs.newer.push(newest);
      say(`round ${round}: script with rclone ${newerVersion} ${show(newest)}`);
    }

    const gib = mib / 1024;
    const perGib = (list: readonly Cost[]) => list.map(({ cpuS }) => cpuS / gib);
    const ratios = (list: readonly Cost[], value: (cost: Cost) => number) =>
      list.map((cost, index) => value(costs.sluice[index] ?? cost) / value(cost));
    const cpuOf = ({ cpuS }: Cost) => cpuS;
    const wallOf = ({ wallMs }: Cost) => wallMs;
    const hasNewer = costs.newer.length > 0;
    const samples = {
      'cpu.s_per_gib': perGib(costs.sluice),
      'cpu.script_s_per_gib': perGib(costs.script),
      'cpu.ratio': ratios(costs.script, cpuOf),
      'cpu.wall_ratio': ratios(costs.script, wallOf),
      ...(hasNewer && {
        'cpu.script_175_s_per_gib': perGib(costs.newer),
        'cpu.ratio_rclone_175': ratios(costs.newer, cpuOf),
        'cpu.wall_ratio_rclone_175': ratios(costs.newer, wallOf),
      }),
    };
    const line = (title: string, list: readonly Cost[], isOurs = false) => [
      title,
      ...spread(perGib(list)),
      ...(isOurs ? ['', ''] : spread(ratios(list, cpuOf))),
      (median(list.map(wallOf)) / 1000).toFixed(2),
    ];
    return {
      figures: {
        ...limitFigures('cpu', limits),
        ...Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)])),
      },
      samples,
      rows: [
        ['way', 'CPU s per GiB', 'min..max', 'Sluice over it', 'min..max', 'seconds'],
        line('Sluice (its worker)', costs.sluice, true),
        line(`curl, rclone ${version}, tus-js-client in turn`, costs.script),
        ...(hasNewer ? [line(`curl, rclone ${newerVersion}, tus-js-client in turn`, costs.newer)] : []),
      ],
      notes: [
        `${mib} MiB, links not limited, no TLS. CPU is user and system time: of the worker from before the webhook until`,
        'the recording is done, announced and cleaned up; of all processes of the script from its start to its end.',
        'Before each, a file of that size is written and removed: new memory costs a virtual machine much at first.',
        ...(hasNewer
          ? []
          : [
              'No newer rclone was found (--rclone-175 PATH names one), so there is no cpu.ratio_rclone_175.',
            ]),
        describeLimits(limits),
      ],
    };
  },
};
