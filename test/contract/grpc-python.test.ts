import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTENT, type GrpcWorld, openGrpcWorld } from '../support/grpc-world.ts';
import { logo } from '../support/small-media.ts';

const run = promisify(execFile);
const SCRIPT = new URL('../support/ask-grpc.py', import.meta.url).pathname;
const PROTO = new URL('../../src/grpc/proto', import.meta.url).pathname;

/** A Python that has grpcio and its tools; the first on the PATH need not be the system's. */
async function findPython(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'python3');
    const has = await run(path, ['-c', 'import grpc, grpc_tools']).then(
      () => true,
      () => false,
    );
    if (has) return path;
  }
  return undefined;
}

const python = await findPython();
if (python === undefined) {
  const said =
    'no python3 on the PATH has grpcio: install it (Debian: apt-get install python3-grpcio python3-grpc-tools)';
  if (process.env['CI']) throw new Error(said);
  process.stderr.write(`The gRPC door is not tried with Python: ${said}.\n`);
}

describe.skipIf(python === undefined)('Python’s own client of gRPC, with stubs of our description', () => {
  let folder: string;
  let world: GrpcWorld;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-grpc-python-'));
    await run(python ?? '', [
      ...['-m', 'grpc_tools.protoc', '-I', PROTO, `--python_out=${folder}`],
      ...[`--grpc_python_out=${folder}`, 'streaming.proto'],
    ]);
    world = await openGrpcWorld();
    await world.put(CONTENT, 'logo.png', await logo(folder));
    await world.house.startWorker();
  });
  afterAll(async () => {
    await world?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('V66 follows a job to its end, and reads what is refused', async () => {
    const { stdout } = await run(python ?? '', [SCRIPT, `127.0.0.1:${world.port}`, folder, CONTENT]);
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({
      reference: 'from Python',
      ready: 3,
      ids: ['wp0', 't0'],
      watermarked: 'python/marked.mp4',
      codec: 'h264',
      refusal: {
        code: 'INVALID_ARGUMENT',
        details: 'video.s3_input.key: is empty',
        number: '1001',
      },
    });
    expect(told.statuses.at(-1)).toBe('FINISHED');
  });
});
