import { join } from 'node:path';
import { makeAuthority } from './authority.ts';
import type { Bench } from './bench.ts';
import { createLoneLegs } from './lone-legs.ts';
import { cpuSecondsOf } from './process-costs.ts';
import { newerRclone, versionOf } from './rclone.ts';
import { writeRecording } from './recording-file.ts';
import { linkTo, runScript } from './script-job.ts';
import { describeLimits, limitFigures, measureSimulators } from './simulator-limits.ts';
import { makeFolder } from './sluice.ts';
import { median, spread } from './statistics.ts';
import type { Cost } from './timed-program.ts';
import { touchMemory } from './touched-memory.ts';
import { openWorld, startForgetfulServices, type World } from './world.ts';

const MIB = 1024 * 1024;

/** At most, of the first recording, which is not counted: enough for the worker's code to have been compiled. */
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
  knowsTls: true,
  async run(context) {
    const { rounds, say, setting, signal, withTls } = context;
    const mib = setting('mib', 1024);
    const rclone = setting('rclone', 'rclone');
    const version = await versionOf(rclone, signal);
    const newer = await newerRclone(context);
    const newerVersion = newer === undefined ? undefined : await versionOf(newer, signal);

    const folder = await makeFolder(context);
    const [path, small] = [join(folder, 'recording.mp4'), join(folder, 'small.mp4')];
    await writeRecording(path, mib * MIB);
    await writeRecording(small, Math.min(mib * MIB, WARM_UP_BYTES));
    const services = await startForgetfulServices(context);
    const legs = createLoneLegs(services, signal);
    const limits = await measureSimulators(services, legs, path, mib * MIB);
    say(describeLimits(limits));
    const plain = await openWorld(context, services);
    const tls = withTls
      ? await openWorld(context, await startForgetfulServices(context, await makeAuthority(context)))
      : undefined;

    async function bringHome({ sluice, recordings }: World, file = path): Promise<Cost> {
      const pid = sluice.pid('worker');
      const beforeS = await cpuSecondsOf(pid);
      const { wallMs } = await recordings.untilHome(await recordings.announce(file));
      return { wallMs, cpuS: (await cpuSecondsOf(pid)) - beforeS };
    }
    const script = async (program: string, { services }: World, file = path) =>
      await runScript({ services, link: await linkTo(services.urls, file), rclone: program, folder, signal });
    // A first time of everything, so that no round pays for what only the first one meets.
    await bringHome(plain, small);
    for (const program of [rclone, ...(newer === undefined ? [] : [newer])]) {
      await script(program, plain, small);
    }
    if (tls !== undefined) {
      await bringHome(tls, small);
      await script(rclone, tls, small);
    }

    const costs = {
      sluice: [] as Cost[],
      script: [] as Cost[],
      tls: [] as Cost[],
      tlsScript: [] as Cost[],
      newer: [] as Cost[],
    };
    const show = ({ cpuS, wallMs }: Cost) => `${cpuS.toFixed(2)} s of CPU in ${(wallMs / 1000).toFixed(2)} s`;
    for (let round = 1; round <= rounds; round += 1) {
      await touchMemory(folder, mib * MIB);
      const ours = await bringHome(plain);
      await touchMemory(folder, mib * MIB);
      const theirs = await script(rclone, plain);
      costs.sluice.push(ours);
      costs.script.push(theirs);
      say(`round ${round}: Sluice ${show(ours)}; script ${show(theirs)}`);
      if (tls !== undefined) {
        await touchMemory(folder, mib * MIB);
        const oursByTls = await bringHome(tls);
        await touchMemory(folder, mib * MIB);
        const theirsByTls = await script(rclone, tls);
        costs.tls.push(oursByTls);
        costs.tlsScript.push(theirsByTls);
        say(`round ${round}, TLS: Sluice ${show(oursByTls)}; script ${show(theirsByTls)}`);
      }
      if (newer === undefined) continue;
      await touchMemory(folder, mib * MIB);
      const newest = await script(newer, plain);
      costs.newer.push(newest);
      say(`round ${round}: script with rclone ${newerVersion} ${show(newest)}`);
    }

    const gib = mib / 1024;
    const perGib = (list: readonly Cost[]) => list.map(({ cpuS }) => cpuS / gib);
    const ratios = (
      list: readonly Cost[],
      value: (cost: Cost) => number,
      ours: readonly Cost[] = costs.sluice,
    ) => list.map((cost, index) => value(ours[index] ?? cost) / value(cost));
    const cpuOf = ({ cpuS }: Cost) => cpuS;
    const wallOf = ({ wallMs }: Cost) => wallMs;
    const hasNewer = costs.newer.length > 0;
    const samples = {
      'cpu.s_per_gib': perGib(costs.sluice),
      'cpu.script_s_per_gib': perGib(costs.script),
      'cpu.ratio': ratios(costs.script, cpuOf),
      'cpu.wall_ratio': ratios(costs.script, wallOf),
      ...(tls && {
        'cpu.tls_s_per_gib': perGib(costs.tls),
        'cpu.tls_script_s_per_gib': perGib(costs.tlsScript),
        'cpu.tls_ratio': ratios(costs.tlsScript, cpuOf, costs.tls),
      }),
      ...(hasNewer && {
        'cpu.script_175_s_per_gib': perGib(costs.newer),
        'cpu.ratio_rclone_175': ratios(costs.newer, cpuOf),
        'cpu.wall_ratio_rclone_175': ratios(costs.newer, wallOf),
      }),
    };
    /** @param ours What ours cost beside it; none of what is ours itself. */
    const line = (title: string, list: readonly Cost[], ours?: readonly Cost[]) => [
      title,
      ...spread(perGib(list)),
      ...(ours === undefined ? ['', ''] : spread(ratios(list, cpuOf, ours))),
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
        line('Sluice (its worker)', costs.sluice),
        line(`curl, rclone ${version}, tus-js-client in turn`, costs.script, costs.sluice),
        ...(hasNewer
          ? [line(`curl, rclone ${newerVersion}, tus-js-client in turn`, costs.newer, costs.sluice)]
          : []),
        ...(tls
          ? [
              line('Sluice (its worker), TLS', costs.tls),
              line(`curl, rclone ${version}, tus-js-client in turn, TLS`, costs.tlsScript, costs.tls),
            ]
          : []),
      ],
      notes: [
        `${mib} MiB, links not limited, no TLS unless the line says so. CPU is user and system time: of the worker from before the webhook until`,
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
