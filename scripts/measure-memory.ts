import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startAllSimulators } from '../simulators/all.ts';
import { startProcesses } from '../test/support/processes.ts';
import { startRedis } from '../test/support/redis.ts';

const HELP = `Usage: npx tsx scripts/measure-memory.ts [--mib N]

Brings one recording of N MiB (default 1024) home with the built processes and simulated services, each in a process of
its own, and prints the most memory that the worker ever held. Exits with 1 if that is above the limit. Linux only.
`;

const MIB = 1024 * 1024;
const LIMIT_MIB = 200;
const SAMPLE_EVERY_MS = 200;
const SAMPLE_VIDEO = join(import.meta.dirname, '../test/fixtures/sample.mp4');

interface SimulatorsReady {
  readonly environment: Readonly<Record<string, string>>;
  readonly zoomUrl: string;
}

interface Recording {
  readonly id: string;
  readonly state: string;
  readonly last_error: unknown;
}

const { values } = parseArgs({
  options: {
    mib: { type: 'string', default: '1024' },
    simulators: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (values.help) process.stdout.write(HELP);
else if (values.simulators) await serveSimulators();
else process.exitCode = await main(Number(values.mib));

/** Measures, prints, and gives back the exit code. */
async function main(mib: number): Promise<number> {
  if (!(mib >= 1)) {
    process.stderr.write(HELP);
    return 2;
  }
  const { child, ready } = await startSimulatorsProcess();
  const redis = await startRedis();
  const sluice = await startProcesses({ ...ready.environment, REDIS_URL: redis.url }, ['pipeline', 'worker']);
  try {
    const source = join(sluice.dataDir, 'meeting.mp4');
    await writeBigVideo(source, mib * MIB);
    await announce(ready.zoomUrl, sluice.pipelineUrl, source);

    const startedMs = performance.now();
    let recording: Recording | undefined;
    let peakMib = 0;
    while (recording?.state !== 'done') {
      await sleep(SAMPLE_EVERY_MS);
      peakMib = Math.max(peakMib, await peakMemoryMib(sluice.pid('worker')));
      recording = await readOnly(sluice.pipelineUrl);
      if (recording?.state === 'failed' || recording?.state === 'backing-off') {
        throw new Error(`the recording is ${recording.state}: ${JSON.stringify(recording.last_error)}`);
      }
    }

    const tookS = ((performance.now() - startedMs) / 1000).toFixed(1);
    process.stdout.write(`a recording of ${mib} MiB came home in ${tookS} s\n`);
    process.stdout.write(`worker peak memory: ${Math.ceil(peakMib)} MiB (limit ${LIMIT_MIB})\n`);
    return peakMib > LIMIT_MIB ? 1 : 0;
  } finally {
    await sluice.stop();
    await redis.stop();
    child.disconnect();
  }
}

/** Runs in the child: the simulators, until the parent lets go of them. They hash the bytes and drop them. */
async function serveSimulators(): Promise<void> {
  const simulators = await startAllSimulators({ b2: { keepBytes: false }, bunny: { keepBytes: false } });
  process.once('disconnect', () => void simulators.close());
  const ready: SimulatorsReady = { environment: simulators.environment, zoomUrl: simulators.zoom.url };
  process.send?.(ready);
}

async function startSimulatorsProcess(): Promise<{ child: ChildProcess; ready: SimulatorsReady }> {
  const child = fork(import.meta.filename, ['--simulators']);
  const [ready] = (await once(child, 'message')) as [SimulatorsReady];
  return { child, ready };
}

/** Writes the sample video, and a `free` box of bytes that do not compress behind it. */
async function writeBigVideo(path: string, bytes: number): Promise<void> {
  const sample = await readFile(SAMPLE_VIDEO);
  const block = randomBytes(MIB);
  const header = Buffer.alloc(16);
  // A size of 1 means that the real one follows the box's name, in 64 bits (ISO 14496-12).
  header.writeUInt32BE(1, 0);
  header.write('free', 4, 'latin1');
  header.writeBigUInt64BE(BigInt(bytes - sample.length), 8);
  const file = await open(path, 'w');
  try {
    await file.appendFile(sample);
    await file.appendFile(header);
    for (let left = bytes - sample.length - header.length; left > 0; left -= block.length) {
      await file.appendFile(block.subarray(0, Math.min(left, block.length)));
    }
  } finally {
    await file.close();
  }
}

async function announce(zoomUrl: string, pipelineUrl: string, path: string): Promise<void> {
  const { uuid } = (await post(`${zoomUrl}/__sim/meetings`, { topic: 'Algebra', files: [{ path }] })) as {
    readonly uuid: string;
  };
  await post(`${zoomUrl}/__sim/send`, { meetingUuid: uuid, webhookUrl: `${pipelineUrl}/zoom-upload` });
}

async function post(url: string, body: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`POST ${url}: ${response.status} ${await response.text()}`);
  return await response.json();
}

async function readOnly(pipelineUrl: string): Promise<Recording | undefined> {
  const response = await fetch(`${pipelineUrl}/api/recordings`);
  const { recordings } = (await response.json()) as { readonly recordings: readonly Recording[] };
  return recordings[0];
}

/** The most that a process ever had in memory (its high-water mark of resident pages). */
async function peakMemoryMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
