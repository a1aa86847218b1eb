import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import { SAMPLE } from '../support/house.ts';
import { type Processes, startProcesses } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { readRecording } from './recordings.ts';

const marked = (name: string) => `${name}-${randomBytes(12).toString('hex')}`;

const POLL = { timeout: 30_000, interval: 100 };

const SECRETS = {
  admin: marked('admin'),
  zoomWebhook: marked('zoom-webhook'),
  zoomClient: marked('zoom-client'),
  b2: marked('b2'),
  bunny: marked('bunny'),
  bunnyReadOnly: marked('bunny-read-only'),
  site: `whsec_${randomBytes(24).toString('base64')}`,
};

describe('a secret that passes through', () => {
  let redis: TestRedis;
  let simulators: AllSimulators;
  let sluice: Processes;
  /** All that the secrets must not be in, by what it is. */
  const written = new Map<string, Buffer>();
  const modes = new Map<string, number>();
  const secrets = new Map<string, string>(Object.entries(SECRETS));

  beforeAll(async () => {
    redis = await startRedis();
    simulators = await startAllSimulators({
      zoom: { secretToken: SECRETS.zoomWebhook, clientSecret: SECRETS.zoomClient },
      b2: { applicationKey: SECRETS.b2 },
      bunny: { apiKey: SECRETS.bunny, readOnlyApiKey: SECRETS.bunnyReadOnly },
      site: { secret: SECRETS.site },
    });
    sluice = await startProcesses(
      {
        ...simulators.environment,
        REDIS_URL: redis.url,
        ADMIN_TOKEN: SECRETS.admin,
        LOG_LEVEL: 'trace',
        RETRY_BACKOFF_MIN_S: '0.05',
        RETRY_BACKOFF_MAX_S: '0.1',
        SITE_RETRY_SCHEDULE_S: '1,1,1',
        PLAYABLE_POLL_MIN_S: '0.1',
      },
      ['pipeline', 'worker'],
    );
    await bringOneHome();
    await lookAround();
    await sluice.kill('worker', 'SIGTERM');
    await sluice.kill('pipeline', 'SIGTERM');
    await collect('data', sluice.dataDir);
    await collect('redis', dirname(redis.socketPath));
    for (const name of ['pipeline', 'worker'] as const) {
      written.set(`output of ${name}`, Buffer.from(sluice.output(name)));
    }
    written.set('announcements', Buffer.from(JSON.stringify(simulators.site.received())));
  }, 60_000);

  afterAll(async () => {
    await sluice?.stop();
    await simulators?.close();
    await redis?.stop();
  });

  /** Every service fails once, and repeats in its answer what it was shown. */
  async function bringOneHome(): Promise<void> {
    const { zoom, b2, bunny, site } = simulators;
    const meeting = await zoom.addMeeting({ topic: 'Algebra', files: [{ path: SAMPLE }] });
    const event = zoom.recordingCompleted(meeting);
    const token = event.download_token ?? '';
    secrets.set('downloadToken', token);
    const basic = Buffer.from(`${b2.keyId}:${SECRETS.b2}`).toString('base64');
    secrets.set('b2Basic', basic);
    zoom.fail({ on: 'GET /rec/*', status: 500, body: `who is Bearer ${token}?` });
    b2.fail({ on: 'GET /b2api/v3/b2_authorize_account', status: 500, body: `${SECRETS.b2} ${basic}` });
    bunny.fail({ on: 'POST /library/*', status: 500, body: `bad AccessKey ${SECRETS.bunny}` });
    site.fail({ on: 'POST *', status: 500, body: 'try again' });

    const { status, body } = await zoom.send(`${sluice.pipelineUrl}/zoom-upload`, event);
    expect(status, body).toBe(200);
    const { accepted } = JSON.parse(body) as { accepted: { id: string }[] };
    const id = accepted[0]?.id ?? '';
    await vi.waitFor(
      async () => expect((await readRecording(sluice.pipelineUrl, id)).state).toBe('done'),
      POLL,
    );
    await vi.waitFor(() => expect(simulators.site.received().length).toBeGreaterThan(1), POLL);
    written.set('one recording', await read(`/api/recordings/${id}`));
  }

  async function lookAround(): Promise<void> {
    written.set('recordings', await read('/api/recordings', { authorization: `Bearer ${SECRETS.admin}` }));
    written.set('status', await read('/api/status'));
    written.set('a wrong token', await read('/api/status', { authorization: `Bearer ${SECRETS.admin}x` }));
    const address = `/api/recordings?access_token=${SECRETS.admin}&limit=none`;
    written.set('a token in an address', await read(address));
    written.set('nothing', await read(`/nothing?token=${SECRETS.admin}`));
  }

  async function read(path: string, headers: Record<string, string> = {}): Promise<Buffer> {
    const response = await fetch(`${sluice.pipelineUrl}${path}`, { headers });
    return Buffer.from(`${JSON.stringify([...response.headers])}\n${await response.text()}`);
  }

  async function collect(what: string, folder: string): Promise<void> {
    modes.set(what, (await stat(folder)).mode);
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      modes.set(path, (await stat(path)).mode);
      if (entry.isFile()) written.set(path, await readFile(path));
    }
  }

  it('is found nowhere afterwards: no log, no ledger, no Redis, no answer, no announcement', () => {
    const names = [...written.keys()];
    expect(names.filter((name) => /ledger\.db|appendonly|output/.test(name)).length).toBeGreaterThan(3);
    expect(secrets.get('downloadToken')?.length).toBeGreaterThan(8);
    const found = [...written].flatMap(([name, bytes]) =>
      [...secrets].filter(([, secret]) => bytes.includes(secret)).map(([secret]) => `${secret} in ${name}`),
    );

    expect(found).toEqual([]);
  });

  it('was met: what failed is told, without it', () => {
    const log = String(written.get('output of worker'));

    expect(log).toContain('[secret]');
    expect(log).toContain('who is');
    expect(String(written.get('one recording'))).toContain('bad AccessKey [secret]');
  });

  it('lies in no file that other users can read', () => {
    const open = [...modes].filter(([path, mode]) => path.startsWith(sluice.dataDir) && (mode & 0o077) !== 0);

    expect(open.map(([path]) => path)).toEqual([]);
    expect([...modes.keys()].filter((path) => path.startsWith(sluice.dataDir)).length).toBeGreaterThan(3);
  });
});
