import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startB2Simulator } from '../../simulators/b2/simulator.ts';
import { startBunnySimulator } from '../../simulators/bunny/simulator.ts';
import { startZoomSimulator } from '../../simulators/zoom/simulator.ts';
import type { TransferOrder } from '../support/transfer-process.ts';

const SCRIPT = join(import.meta.dirname, '../support/transfer-process.ts');
const MIB = 1024 * 1024;
const BYTES = 256 * MIB;

it('R21 moves 256 MiB up and down without holding a body in memory', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flat-memory-'));
  const path = join(folder, 'long.mp4');
  await writeFile(path, '');
  await truncate(path, BYTES);
  const [b2, bunny, zoom] = await Promise.all([
    startB2Simulator({ keepBytes: false }),
    startBunnySimulator({ keepBytes: false }),
    startZoomSimulator(),
  ]);
  const meeting = await zoom.addMeeting({ topic: 'Algebra', files: [{ path }] });
  const event = zoom.recordingCompleted(meeting);
  const order: TransferOrder = {
    bytes: BYTES,
    b2: { apiUrl: b2.url, keyId: b2.keyId, applicationKey: b2.applicationKey },
    bunny: { apiUrl: bunny.url, libraryId: bunny.libraryId, apiKey: bunny.apiKey },
    zoom: {
      origins: [zoom.webUrl, zoom.cdnUrl],
      url: event.payload.object.recording_files[0]?.download_url ?? '',
      token: event.download_token ?? '',
    },
  };
  const child = fork(SCRIPT, { execArgv: ['--import', 'tsx'] });
  try {
    const answered = once(child, 'message');
    child.send(order);
    const [{ grownBytes, downloadedBytes }] = await answered;

    expect(downloadedBytes).toBe(BYTES);
    // A client that held one body would have grown by 256 MiB.
    expect(grownBytes / MIB).toBeLessThan(128);
  } finally {
    child.kill();
    await Promise.all([b2.close(), bunny.close(), zoom.close()]);
    await rm(folder, { recursive: true });
  }
});
