import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openAuthority } from '../../support/authority.ts';
import { freePort } from '../../support/free-port.ts';
import { type Orchestrator, startOrchestrator } from '../../support/orchestrator.ts';
import { hasRabbitmq, startRabbitmq, type TestRabbitmq } from '../../support/rabbitmq.ts';

const ROOT = join(import.meta.dirname, '../../..');
const WORKER = join(ROOT, 'packages/worker-sdk/examples/checksum/worker.ts');
const QUEUE = 'job_checksum';

describe.runIf(hasRabbitmq)('a worker as a process of its own', () => {
  let folder: string;
  let rabbitmq: TestRabbitmq;
  let orchestrator: Orchestrator;
  let caFile: string;
  let tlsPort: number;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'worker-process-'));
    const authority = await openAuthority(folder, 'tests');
    caFile = authority.caFile;
    tlsPort = await freePort();
    rabbitmq = await startRabbitmq({
      tls: { port: tlsPort, caFile, ...(await authority.sign('localhost')) },
    });
    orchestrator = await startOrchestrator(rabbitmq.port);
  }, 120_000);
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });
  afterAll(async () => {
    await orchestrator?.close();
    await rabbitmq?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  function start(env: NodeJS.ProcessEnv) {
    const child = spawn(process.execPath, ['--import', 'tsx', WORKER], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], AMQP_HOSTNAME: '127.0.0.1', AMQP_QUEUE: QUEUE, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(child);
    const log: string[] = [];
    child.stderr.on('data', (chunk) => log.push(String(chunk)));
    return { child, log };
  }
  const until = <Found>(find: () => Found) => vi.waitUntil(find, { timeout: 30_000 });

  it('W59 takes orders over TLS, and ends with 0 when it is told to', async () => {
    const source = join(folder, 'source');
    await writeFile(source, 'abc');
    const { child } = start({ AMQP_PORT: String(tlsPort), AMQP_TLS: 'true', NODE_EXTRA_CA_CERTS: caFile });
    await until(() => orchestrator.answers.some(({ key }) => key === 'worker_created'));
    orchestrator.order(QUEUE, {
      job_id: 1,
      parameters: [{ id: 'source_path', type: 'string', value: source }],
    });
    const completed = await until(() => orchestrator.answers.find(({ key }) => key === 'job_completed'));
    child.kill('SIGTERM');

    expect((await once(child, 'exit'))[0]).toBe(0);
    expect(completed?.body.parameters[0]).toMatchObject({
      id: 'digest',
      value: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    });
  });

  it.each([
    [
      'an authority that it does not know',
      () => ({ AMQP_PORT: String(tlsPort), AMQP_TLS: 'true' }),
      /certificate/,
    ],
    [
      'a wrong password',
      () => ({ AMQP_PORT: String(rabbitmq.port), AMQP_PASSWORD: 'wrong' }),
      /ACCESS.REFUSED/,
    ],
  ])('W18 says why there is no connection, and goes on trying: %s', async (_name, env, words) => {
    const { child, log } = start({ ...env(), MCAI_LOG: 'DEBUG' });

    await until(() => log.join('').split('No connection to').length > 2);
    expect(child.exitCode).toBe(null);
    expect(log.join('')).toMatch(words);
  });
});
