import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { type House, openHouse, SAMPLE, writeVideo } from '../support/house.ts';
import { fileRecording } from '../support/ledger.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';

const MIB = 1024 * 1024;

let server: TestPostgres;
let house: House;

beforeEach(async () => {
  server = await startPostgres();
  house = await openHouse({ DATABASE_URL: await server.create() });
});

afterEach(async () => {
  await house.close();
  await server.stop();
});

/** Everything that the website has heard, as often as it has heard it. */
const heard = () => house.heard('recording.published').map(({ body }) => body);

it('a door answers 503 and when to come again while the database is away, and takes the same event then', async () => {
  const meeting = await house.zoom.addMeeting({ topic: 'Algebra', files: [{ path: SAMPLE }] });
  const event = house.zoom.recordingCompleted(meeting);
  await server.kill();

  const refused = await house.zoom.send(house.webhookUrl, event);

  expect(refused.status).toBe(503);
  expect(JSON.parse(refused.body)).toMatchObject({ code: 'LEDGER_AWAY' });
  const path = await writeVideo(join(house.files, 'a.mp4'), 0);
  const response = await house.post('/custom-upload', { path, title: 'a' });
  expect(response.status).toBe(503);
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);

  await server.start();
  await expect.poll(async () => (await house.zoom.send(house.webhookUrl, event)).status).toBe(200);
});

it('readiness says that the ledger cannot be read while the database is away, and life goes on', async () => {
  await server.kill();

  const ready = await fetch(`${house.config.pipeline.url}/readyz`);

  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({ ledger: 'unavailable' });
  expect((await fetch(`${house.config.pipeline.url}/healthz`)).status).toBe(200);
  await server.start();
});

it('a recording whose database dies while it moves comes home once, when the database is back', async () => {
  await house.startWorker();
  house.b2.link.bytesPerSecond = 6 * MIB;
  const { id } = await house.addCustom('a', { bytes: 12 * MIB });
  await house.reaches(id, 'moving');

  await server.kill();
  await server.start();

  await expect.poll(async () => (await house.recordings.get(id).catch(() => undefined))?.state).toBe('done');
  await house.announced(id);
  expect(await house.b2.files()).toHaveLength(1);
  expect(house.bunny.videos()).toHaveLength(1);
  expect(heard()).toHaveLength(1);
});

it('a database that hangs for longer than a change may take is told of, and no change of it is half there', async () => {
  const ledger = await openWholeLedger({ address: house.config.ledgerAddress, leaseMs: 5000 });
  try {
    await server.signal('SIGSTOP');
    const accepting = ledger.recordings.accept(fileRecording('hung'));
    await server.signal('SIGCONT');
    await accepting;
    expect((await ledger.recordings.accept(fileRecording('hung'))).isDuplicate).toBe(true);
  } finally {
    await ledger.close();
  }
});
