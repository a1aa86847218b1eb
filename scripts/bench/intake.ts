import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { startChildScript } from './child-script.ts';
import type { Uploaded, UploadWanted } from './intake-client.ts';
import { peakMemoryMib } from './process-costs.ts';
import { processorSeconds } from './process-time.ts';
import { makeFolder, startSluice } from './sluice.ts';
import { median, spread } from './statistics.ts';
import { touchMemory } from './touched-memory.ts';
import { UNUSED_SERVICES } from './unused-services.ts';

const MIB = 1024 * 1024;
const CHUNK_BYTES = 8 * MIB;
const SLOW_UPLOADS = 50;
const SLOW_BYTES_PER_SECOND = MIB;

interface Measured {
  readonly wallMs: number[];
  readonly cpuS: number[];
}

/** What taking an upload in costs, beside the least that a server in Node can do. */
export const intake: Bench = {
  name: 'intake',
  description:
    'a tus upload in one request and in 8 MiB chunks, beside a bare pipe to a file; fifty slow uploads',
  settings: {
    'upload-mib': 'size of an upload (default 512)',
    'slow-mib': 'size of each of the fifty slow uploads, at 1 MiB/s (default 10)',
  },
  rounds: 5,
  async run(context) {
    const { rounds, say, setting, signal } = context;
    const uploadMib = setting('upload-mib', 512);
    const slowMib = setting('slow-mib', 10);
    const folder = await makeFolder(context);
    const sluice = await startSluice(context, UNUSED_SERVICES, ['pipeline', 'tus']);
    const script = (name: string) => startChildScript(context, join(import.meta.dirname, name));
    const [bare, client] = [script('intake-bare.ts'), script('intake-client.ts')];
    const barePath = join(folder, 'bare');
    const { url: bareUrl } = await bare.ask<{ url: string }>({ path: barePath });

    /** What lies where uploads go; nothing of one round is in the way of the next. */
    async function clear(): Promise<void> {
      await rm(barePath, { force: true });
      const incoming = join(sluice.dataDir, 'incoming');
      const names = (await readdir(incoming)).filter((name) => name.endsWith('.upload'));
      for (const name of names) await rm(join(incoming, name), { force: true });
    }

    async function measure(isTus: boolean, requestBytes: number, into: Measured): Promise<void> {
      signal.throwIfAborted();
      await clear();
      await touchMemory(folder, uploadMib * MIB);
      const pid = isTus ? sluice.pid('tus') : bare.pid;
      const beforeS = await processorSeconds(pid);
      const wanted: UploadWanted = {
        url: isTus ? sluice.tusUrl : bareUrl,
        isTus,
        uploads: 1,
        bytes: uploadMib * MIB,
        requestBytes,
      };
      const { wallMs } = await client.ask<Uploaded>(wanted);
      into.wallMs.push(wallMs);
      into.cpuS.push((await processorSeconds(pid)) - beforeS);
    }

    const kinds = [
      { name: 'patch', title: 'one request', requestBytes: uploadMib * MIB, ours: none(), floor: none() },
      { name: 'chunk', title: '8 MiB chunks', requestBytes: CHUNK_BYTES, ours: none(), floor: none() },
    ] as const;
    for (const { requestBytes } of kinds) {
      for (const isTus of [true, false]) await measure(isTus, requestBytes, none());
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (const { title, requestBytes, ours, floor } of kinds) {
        // Who comes first changes, so that neither always finds the disk busier.
        for (const isTus of round % 2 === 0 ? [false, true] : [true, false]) {
          await measure(isTus, requestBytes, isTus ? ours : floor);
        }
        say(`round ${round}, ${title}: ${last(ours.wallMs)} ms, bare ${last(floor.wallMs)} ms`);
      }
    }
    await clear();
    await sluice.restart('tus');
    const startS = await processorSeconds(sluice.pid('tus'));
    const slow: UploadWanted = {
      url: sluice.tusUrl,
      isTus: true,
      uploads: SLOW_UPLOADS,
      bytes: slowMib * MIB,
      requestBytes: slowMib * MIB,
      bytesPerSecond: SLOW_BYTES_PER_SECOND,
    };
    const slowly = await client.ask<Uploaded>(slow);
    const slowCpuS = (await processorSeconds(sluice.pid('tus'))) - startS;
    const slowPeakMib = await peakMemoryMib(sluice.pid('tus'));
    say(`${SLOW_UPLOADS} slow uploads: ${slowPeakMib.toFixed(0)} MiB`);

    const rate = (wallMs: readonly number[]) => ((uploadMib * 1000) / median(wallMs)).toFixed(0);
    return {
      figures: {
        ...Object.fromEntries(
          kinds.flatMap(({ name, ours, floor }) => [
            [`intake.${name}_ratio`, median(ours.wallMs) / median(floor.wallMs)],
            [`intake.${name}_cpu_ratio`, median(ours.cpuS) / median(floor.cpuS)],
          ]),
        ),
        'intake.slow_peak_mib': slowPeakMib,
        'intake.slow_cpu_percent': (slowCpuS / (slowly.wallMs / 1000)) * 100,
      },
      rows: [
        ['upload', 'wall s', 'min..max', 'CPU s', 'min..max', 'MiB/s'],
        ...kinds.flatMap(({ title, ours, floor }) =>
          (
            [
              ['Sluice', ours],
              ['bare pipe', floor],
            ] as const
          ).map(([who, { wallMs, cpuS }]) => [
            `${uploadMib} MiB in ${title}, ${who}`,
            ...spread(wallMs.map((ms) => ms / 1000)),
            ...spread(cpuS),
            rate(wallMs),
          ]),
        ),
      ],
      notes: [
        'Before each, a file of that size is written and removed: new memory costs a virtual machine much at first.',
        'The bare pipe only writes: Sluice also syncs the bytes, notes the hand-off durably and tells the pipeline.',
        `${SLOW_UPLOADS} uploads at once at 1 MiB/s each: ${slowPeakMib.toFixed(0)} MiB at most, ${slowCpuS.toFixed(1)} s of CPU in ${(slowly.wallMs / 1000).toFixed(1)} s.`,
      ],
      samples: Object.fromEntries(
        kinds.flatMap(({ name, ours, floor }) => [
          [`intake.${name}_ms`, ours.wallMs],
          [`intake.${name}_bare_ms`, floor.wallMs],
        ]),
      ),
    };
  },
};

function none(): Measured {
  return { wallMs: [], cpuS: [] };
}

function last(values: readonly number[]): string {
  return (values.at(-1) ?? Number.NaN).toFixed(0);
}
