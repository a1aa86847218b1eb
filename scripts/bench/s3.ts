import { randomUUID } from 'node:crypto';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeAuthority } from './authority.ts';
import { type Bench, type BenchContext, BenchFailure } from './bench.ts';
import { createFileRuns, writeRecipes } from './file-runs.ts';
import { peakMemoryMib } from './process-costs.ts';
import { newerRclone, versionOf } from './rclone.ts';
import { writeRecording } from './recording-file.ts';
import { type S3Service, startS3Service } from './s3-service.ts';
import { withScope } from './scope.ts';
import { steer } from './simulated-services.ts';
import { makeFolder, startSluice } from './sluice.ts';
import { median, spread } from './statistics.ts';
import { type Cost, timeProgram } from './timed-program.ts';
import { touchMemory } from './touched-memory.ts';
import { UNUSED_SERVICES } from './unused-services.ts';

const MIB = 1024 * 1024;
const WARM_UP_BYTES = 128 * MIB;

/** How many parts the worker is to have sent before it is killed. */
const PARTS_BEFORE_KILL = 4;

const RECIPES = `
recipes:
  - name: to-s3
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file }, params: { store: s3 } }
      - { id: cleanup, task: cleanup, after: archive }
`;

/** What rclone spares itself with: MD5 over the whole file beforehand, and parts smaller than ours. */
const LEAN = ['--s3-disable-checksum', '--s3-chunk-size', '16M'];

/** What the ratios to them are called, behind `cpu_ratio`. */
const RATIOS: Readonly<Record<string, string>> = {
  rclone: '',
  rclone_lean: '_lean',
  newest: '_newest',
  newest_lean: '_newest_lean',
};

/** One way of bringing a file into a bucket. */
interface Way {
  readonly title: string;
  /** What is divided by it. */
  readonly over?: string;
  /** Of the worker. */
  readonly pid?: number;
  readonly run: (file: string) => Promise<Cost>;
}

interface LoggedRequest {
  readonly path: string;
  readonly query: string;
  readonly status: number;
}

/** What bringing a file into a bucket costs, against rclone. */
export const s3: Bench = {
  name: 's3',
  description: 'CPU time and memory for archiving a file to S3, against rclone; what a kill costs',
  settings: {
    mib: 'size of the file (default 1024)',
    rclone: 'the rclone of this system (default: the one on the PATH)',
    'rclone-175': "a newer rclone, or none (default: the newest of Debian's unstable, fetched for this run)",
  },
  rounds: 5,
  knowsTls: true,
  async run(context) {
    const { rounds, say, setting, signal, withTls } = context;
    const mib = setting('mib', 1024);
    const rclone = setting('rclone', 'rclone');
    const newer = await newerRclone(context);
    const folder = await makeFolder(context);
    const [path, small] = [join(folder, 'recording.mp4'), join(folder, 'small.mp4')];
    await writeRecording(path, mib * MIB);
    await writeRecording(small, Math.min(mib * MIB, WARM_UP_BYTES));
    const recipes = await writeRecipes(folder, RECIPES);
    const programs: Record<string, string> = { rclone, ...(newer === undefined ? {} : { newest: newer }) };

    /** Sluice and what it is compared with, all to one service; `mark` is what tells their names from others. */
    async function waysTo(service: S3Service, mark: '' | 'tls_'): Promise<Record<string, Way>> {
      const sluice = await startSluice(context, { ...UNUSED_SERVICES, ...service.environment, ...recipes });
      const runs = createFileRuns(sluice, folder, signal);
      const byRclone = async (program: string, more: readonly string[], file: string): Promise<Cost> => {
        const args = ['copyto', ...more, file, `s3:${service.bucket}/alone/${randomUUID()}.mp4`];
        const env = { ...service.rcloneEnvironment, RCLONE_CONFIG: devNull };
        return await timeProgram(program, args, signal, { env });
      };
      const behind = mark === '' ? '' : ', TLS';
      const ours = `${mark}sluice`;
      const ways: Record<string, Way> = {
        [ours]: {
          title: `Sluice (its worker)${behind}`,
          pid: sluice.pid('worker'),
          run: (file) => runs.run(file, 'to-s3'),
        },
      };
      for (const [key, program] of Object.entries(programs)) {
        const title = `rclone ${await versionOf(program, signal)}`;
        const add = (name: string, more: readonly string[]) => {
          const shown = `${[title, ...more].join(' ')}${behind}`;
          ways[`${mark}${name}`] = { title: shown, over: ours, run: (file) => byRclone(program, more, file) };
        };
        add(key, []);
        add(`${key}_lean`, LEAN);
      }
      return ways;
    }
    const service = await startS3Service(context);
    const ways = {
      ...(await waysTo(service, '')),
      ...(withTls ? await waysTo(await startS3Service(context, await makeAuthority(context)), 'tls_') : {}),
    };
    // A first time of everything, so that no round pays for what only the first one meets.
    for (const { run } of Object.values(ways)) await run(small);

    const costs: Record<string, Cost[]> = {};
    for (let round = 1; round <= rounds; round += 1) {
      for (const [name, { title, run }] of Object.entries(ways)) {
        await touchMemory(folder, mib * MIB);
        const cost = await run(path);
        costs[name] = [...(costs[name] ?? []), cost];
        say(
          `round ${round}: ${title}: ${cost.cpuS.toFixed(2)} s of CPU in ${(cost.wallMs / 1000).toFixed(2)} s`,
        );
      }
    }
    const peakMib = await peakMemoryMib(ways['sluice']?.pid ?? 0);
    say('an upload is cut off by a kill ...');
    const killed = await killInTheMiddle({ ...context, service, recipes, path });
    say(`${killed.parts} parts, ${killed.sentTwice} of them sent twice`);

    const gib = mib / 1024;
    const perGib = (name: string) => (costs[name] ?? []).map(({ cpuS }) => cpuS / gib);
    const ratios = (name: string) => {
      const ours = costs[ways[name]?.over ?? ''];
      return (costs[name] ?? []).map(({ cpuS }, at) => (ours?.[at]?.cpuS ?? Number.NaN) / cpuS);
    };
    const samples: Record<string, readonly number[]> = {};
    for (const [name, { over }] of Object.entries(ways)) {
      const [, mark = '', who = ''] = /^(tls_)?(.*)$/.exec(name) ?? [];
      samples[`s3.${mark}${who === 'sluice' ? '' : `${who}_`}s_per_gib`] = perGib(name);
      if (over !== undefined) samples[`s3.${mark}cpu_ratio${RATIOS[who] ?? ''}`] = ratios(name);
    }
    return {
      figures: {
        ...Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, median(values)])),
        's3.worker_peak_mib': peakMib,
        's3.parts_sent_twice': killed.sentTwice,
      },
      goals: { 's3.cpu_ratio': 0.8, 's3.worker_peak_mib': 130, 's3.parts_sent_twice': 0 },
      samples,
      rows: [
        ['way', 'CPU s per GiB', 'min..max', 'Sluice over it', 'min..max', 'seconds'],
        ...Object.entries(ways).map(([name, { title, over }]) => [
          title,
          ...spread(perGib(name)),
          ...(over === undefined ? ['', ''] : spread(ratios(name))),
          median((costs[name] ?? []).map(({ wallMs }) => wallMs / 1000)).toFixed(2),
        ]),
      ],
      notes: [
        `${mib} MiB of this machine into a bucket, link not limited, no TLS unless the line says so. CPU is user and system time: of the worker`,
        'from before the file was named to it until it is archived and proved; of all of rclone. Both compare the MD5 of each part.',
        `Killed: the worker, once ${PARTS_BEFORE_KILL} parts were there; ${killed.parts} parts in all, ${killed.sentTwice} of those that were there sent again.`,
      ],
    };
  },
};

interface Killing extends BenchContext {
  readonly service: S3Service;
  readonly recipes: Readonly<Record<string, string>>;
  readonly path: string;
}

/** Kills a worker in the middle of an upload; says how many of the parts that were there by then were sent again. */
async function killInTheMiddle({ service, recipes, path, signal }: Killing) {
  const settings = { ...UNUSED_SERVICES, ...service.environment, ...recipes, LEASE_MS: '3000' };
  return await withScope(async (scope) => {
    const sluice = await startSluice(scope, settings);
    const runs = createFileRuns(sluice, await makeFolder(scope), signal);
    await steer('DELETE', `${service.url}/__sim/requests`);
    // Slow enough to be met in the middle.
    await steer('PUT', `${service.url}/__sim/link`, { bytesPerSecond: 60_000_000 });
    scope.defer(() => steer('PUT', `${service.url}/__sim/link`, { bytesPerSecond: null }));
    const partsThere = async () => {
      const logged = (await steer('GET', `${service.url}/__sim/requests`)) as LoggedRequest[];
      return logged
        .filter(({ path: what, status }) => what.endsWith('#UploadPart') && status === 200)
        .map(({ query }) => query);
    };
    const id = await runs.begin(path, 'to-s3');
    while ((await partsThere()).length < PARTS_BEFORE_KILL) {
      signal.throwIfAborted();
      if ((await runs.look(id)).state === 'done') {
        throw new BenchFailure('The file was archived before it could be killed: take a larger one (--mib).');
      }
      await sleep(10);
    }
    await sluice.kill('worker');
    const before = new Set(await partsThere());
    await sluice.restart('worker');
    await runs.untilDone(id);
    const all = await partsThere();
    const again = all.slice(before.size).filter((query) => before.has(query));
    return { parts: new Set(all).size, sentTwice: again.length };
  });
}
