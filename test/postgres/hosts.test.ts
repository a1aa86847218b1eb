import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createProcessClock } from '../../scripts/chaos/clock.ts';
import { openHosts } from '../support/hosts.ts';
import { SAMPLE } from '../support/house.ts';
import { metadataHeader, problemIn, tusRequest } from '../support/tus-client.ts';
import { isWhole } from '../support/whole-tables.ts';

const MIB = 1024 * 1024;

let world: Awaited<ReturnType<typeof openHosts<'a' | 'b'>>>;

beforeEach(async () => {
  world = await openHosts(['a', 'b']);
});

afterEach(async () => {
  await world.close();
});

/** A film of so many bytes. */
async function film(bytes: number): Promise<Buffer> {
  const sample = await readFile(SAMPLE);
  const box = randomBytes(bytes - sample.length);
  box.writeUInt32BE(box.length, 0);
  box.write('free', 4, 'latin1');
  return Buffer.concat([sample, box]);
}

/** Begins an upload at a host; returns its path. */
async function begin(name: 'a' | 'b', aceId: string, bytes: number): Promise<string> {
  const { status, headers, text } = await tusRequest(world.hosts[name].tusUrl, {
    method: 'POST',
    headers: {
      'upload-length': String(bytes),
      'upload-metadata': metadataHeader({ ace_id: aceId, filename: `${aceId}.mp4` }),
    },
  });
  if (status !== 201) throw new Error(`refused: ${text}`);
  return String(headers.location);
}

/** Sends a request about an upload to a host, whosever the upload is. */
function ask(name: 'a' | 'b', path: string, method: string, offset?: number, body?: Buffer) {
  return tusRequest(new URL(path, world.hosts[name].tusUrl).href, {
    method,
    headers:
      offset === undefined
        ? {}
        : { 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
    ...(body === undefined ? {} : { body }),
  });
}

const archived = async () => (await world.b2.files()).map(({ fileName }) => fileName);

it('what two hosts take in through all doors comes home once each, and each file where it lies', async () => {
  const data = await film(2 * MIB);
  const zoom = [await world.addZoom('a', 'one'), await world.addZoom('b', 'two')];
  const custom = [await world.addCustom('a', 'three', MIB), await world.addCustom('b', 'four', MIB)];
  const path = await begin('b', 'lesson-1', data.length);
  expect((await ask('a', path, 'PATCH', 0, data)).status).toBe(204);

  for (const id of [...zoom, ...custom]) await world.reaches(id, 'done');
  await expect.poll(async () => (await archived()).length).toBe(5);
  await expect.poll(() => world.bunny.videos().length).toBe(5);
  const hosts = await Promise.all(custom.map(async (id) => (await world.ledger.recordings.get(id))?.host));
  expect(hosts).toEqual(['a', 'b']);
});

it('an upload that is sent to the other host arrives at its own, and waits for it while that is away', async () => {
  const data = await film(2 * MIB);
  const path = await begin('a', 'lesson-1', data.length);
  expect(path).toMatch(/^\/tusupload\/[0-9a-f]{32}-a$/);
  expect((await ask('b', path, 'PATCH', 0, data.subarray(0, MIB))).headers['upload-offset']).toBe(
    String(MIB),
  );

  await world.hosts.a.kill('tus');
  const refused = await ask('b', path, 'PATCH', MIB, data.subarray(MIB));
  expect([refused.status, problemIn(refused).code]).toEqual([503, 'HOST_AWAY']);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  // Stock clients begin anew where they are told anything else when they ask for the offset.
  expect((await ask('b', path, 'HEAD')).status).toBe(423);

  await world.hosts.a.restart('tus');
  expect((await ask('b', path, 'HEAD')).headers['upload-offset']).toBe(String(MIB));
  expect((await ask('b', path, 'PATCH', MIB, data.subarray(MIB))).status).toBe(204);
  await expect.poll(async () => (await archived()).length).toBe(1);
});

it('what a host was moving when it died is gone on with by the other, which sends nothing again that had arrived', async () => {
  await world.hosts.b.kill('worker');
  world.b2.link.bytesPerSecond = 4 * MIB;
  const id = await world.addZoom('a', 'Algebra', 24 * MIB);
  await world.reaches(id, 'moving');
  await expect
    .poll(async () => (await world.ledger.recordings.progress(id)).checkpoints.archive)
    .toBeDefined();
  await world.hosts.b.restart('worker');

  await world.kill('a');
  world.b2.link.bytesPerSecond = Number.POSITIVE_INFINITY;

  await world.reaches(id, 'done');
  expect((await world.ledger.recordings.get(id))?.host).toBe('b');
  expect(await archived()).toHaveLength(1);
  expect(world.bunny.videos()).toHaveLength(1);
});

it('a file of a host that is away waits for it, people are told so, and it comes home when the host is back', async () => {
  await world.hosts.a.kill('worker');
  const id = await world.addCustom('a', 'one', MIB);
  await world.hosts.a.kill('pipeline');
  await world.hosts.a.kill('tus');

  const hosts = async () => {
    const response = await fetch(`${world.hosts.b.pipelineUrl}/api/hosts`);
    return ((await response.json()) as { hosts: { host: string; state: string; bound: number }[] }).hosts;
  };
  await expect.poll(hosts).toMatchObject([
    { host: 'a', state: 'silent', bound: 1 },
    { host: 'b', state: 'ok', bound: 0 },
  ]);
  const alarms = async () => (await world.ledger.alarms.open(10)).map(({ key }) => key);
  await expect.poll(alarms).toContain('host:a');
  const [alarm] = (await world.ledger.alarms.open(10)).filter(({ key }) => key === 'host:a');
  expect(alarm?.detail).toContain('1 recording lies on its disk alone');
  await expect.poll(async () => (await world.ledger.recordings.get(id))?.lastError?.code).toBe('HOST_AWAY');
  expect((await world.ledger.recordings.get(id))?.state).toBe('waiting');

  await world.restart('a');
  await world.reaches(id, 'done');
  await expect.poll(alarms).not.toContain('host:a');
});

it('a host that is called as another one does not start, and says what to do', async () => {
  const { startProcesses } = await import('../support/processes.ts');
  const starting = startProcesses({ ...world.environment, HOST_ID: 'a' }, ['worker']);

  await expect(starting).rejects.toThrow(
    /HOST_TAKEN|Another machine is known in this ledger as the host "a"/,
  );
});

it('an operator who has logged in at one host is known at the other, until they log out at either', async () => {
  const token = 'correct-horse-battery-staple-0123456789';
  await world.close();
  world = await openHosts(['a', 'b'], { ADMIN_TOKEN: token, LOCAL_TRUST: 'off' });
  const at = (name: 'a' | 'b', path: string, init: RequestInit = {}) =>
    fetch(`${world.hosts[name].pipelineUrl}${path}`, { redirect: 'manual', ...init });
  const own = (name: 'a' | 'b') => ({ origin: world.hosts[name].pipelineUrl });
  const login = await at('a', '/login', {
    method: 'POST',
    headers: own('a'),
    body: new URLSearchParams({ token }),
  });
  const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';

  expect((await at('b', '/api/status', { headers: { cookie } })).status).toBe(200);
  expect((await at('b', '/api/status')).status).toBe(401);

  await at('b', '/logout', { method: 'POST', headers: { cookie, ...own('b') } });
  await expect.poll(async () => (await at('a', '/api/status', { headers: { cookie } })).status).toBe(401);
});

// Over a minute each, for what is postponed meanwhile.
it.runIf(isWhole).each([
  ['an hour behind', -3600],
  ['ninety seconds ahead', 90],
])(
  'a host whose clock is %s tries again as soon as others would, and is believed by services',
  async (_what, offsetS) => {
    await world.close();
    const folder = await mkdtemp(join(tmpdir(), 'sluice-clock-'));
    const clock = createProcessClock(folder);
    if (clock === undefined) throw new Error('faketime is not installed: npm run setup -- --test');
    clock.set(offsetS);
    world = await openHosts(['a', 'b'], { ...clock.environment });
    try {
      world.b2.fail({ on: '*', status: 503, count: 6 });
      const ids = [await world.addCustom('a', 'one', MIB), await world.addZoom('a', 'two', MIB)];
      for (const id of ids) await world.reaches(id, 'done');
      const heard = () => world.site.received().filter(({ type }) => type === 'recording.published');
      await expect.poll(() => heard().length).toBe(2);
      expect(heard().every(({ isValid }) => isValid)).toBe(true);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
