import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import type { TestRedis } from '../../test/support/redis.ts';
import type { Bench } from './bench.ts';
import { startChildScript } from './child-script.ts';
import { openMovingHouse } from './moving-house.ts';
import { steer } from './simulated-services.ts';
import { quantile, spread } from './statistics.ts';
import type { SendingWanted, SentWebhook } from './webhook-sender.ts';

const LEASE_MS = 5000;

/** What the recording that moves meanwhile is, and how fast it comes: it must outlast the webhooks. */
const MOVING_BYTES = 8 * 1024 ** 3;
const MOVING_BYTES_PER_SECOND = 20_000_000;

/** How soon, and how surely, Zoom's webhooks are answered, whatever else goes on. */
export const webhooks: Bench = {
  name: 'webhooks',
  description: 'signed webhooks at a steady rate while a recording moves and Redis comes and goes',
  settings: {
    webhooks: 'how many in each block (default 2000)',
    'per-second': 'how many in a second (default 200)',
  },
  rounds: 1,
  async run(context) {
    const { rounds, say, setting, signal } = context;
    const count = setting('webhooks', 2000);
    const perSecond = setting('per-second', 200);
    const blockMs = (count * 1000) / perSecond;
    const house = await openMovingHouse(context, ['pipeline', 'worker']);
    const sender = startChildScript(context, join(import.meta.dirname, 'webhook-sender.ts'));
    const wanted: SendingWanted = {
      url: house.webhookUrl,
      secretToken: house.services.environment['ZOOM_WEBHOOK_SECRET_TOKEN'] ?? '',
      count,
      perSecond,
    };
    const sendAll = async () => (await sender.ask<{ sent: SentWebhook[] }>(wanted)).sent;

    await steer('PUT', `${house.services.urls.cdn}/__sim/link`, { bytesPerSecond: MOVING_BYTES_PER_SECOND });
    await house.announce(await house.addMeeting('The one that moves', MOVING_BYTES));
    while ((await house.recordings())[0]?.state !== 'moving') {
      signal.throwIfAborted();
      await sleep(20);
    }

    const mixed: SentWebhook[][] = [];
    const away: SentWebhook[][] = [];
    for (let round = 1; round <= rounds; round += 1) {
      signal.throwIfAborted();
      const [sent] = await Promise.all([sendAll(), disturb(house.redis, blockMs)]);
      mixed.push(sent);
      say(`${count} webhooks, Redis frozen and dead for two fifths of them: ${summary(sent)}`);

      signal.throwIfAborted();
      const thaw = await freeze(house.redis);
      const [sentAway] = await Promise.all([
        sendAll(),
        sleep(blockMs / 2)
          .then(thaw)
          .then(() => house.redis.kill()),
      ]);
      away.push(sentAway);
      say(`${count} webhooks, Redis frozen and dead: ${summary(sentAway)}`);
      await house.redis.start();
    }

    const kept = await findKept(house.ledgerPath, [...mixed, ...away].flat());
    const blocks = [
      ['webhooks.', 'Redis away for two fifths', mixed],
      ['webhooks.redis_down_', 'Redis away', away],
    ] as const;
    return {
      figures: Object.assign({}, ...blocks.map(([prefix, , all]) => figuresOf(prefix, all.flat(), kept))),
      rows: [
        ['', 'sent', 'p50 ms', 'p99 ms', 'max ms', 'p99 of a round', 'min..max', 'lost'],
        ...blocks.map(([, name, all]) => rowOf(name, all, kept)),
      ],
      notes: [
        'Latency: from the moment at which a webhook was to be sent until its answer was read.',
        'Lost: not answered 200, or answered 200 and not in the ledger.',
        ...((await isMoving(house.ledgerPath))
          ? []
          : ['The recording beside them came to its end too early: these figures are without one.']),
      ],
      samples: {
        'webhooks.p99_ms': mixed.map((sent) => quantile(latencies(sent), 0.99)),
        'webhooks.redis_down_p99_ms': away.map((sent) => quantile(latencies(sent), 0.99)),
      },
    };
  },
};

/** Freezes Redis for the second fifth of the time, and kills it for the fourth. */
async function disturb(redis: TestRedis, blockMs: number): Promise<void> {
  await sleep(blockMs / 5);
  const thaw = await freeze(redis);
  await sleep(blockMs / 5);
  thaw();
  await sleep(blockMs / 5);
  await redis.kill();
  await sleep(blockMs / 5);
  await redis.start();
}

/** Stops Redis in its tracks, its sockets open; what comes back lets it go on. */
async function freeze({ socketPath }: TestRedis): Promise<() => void> {
  const connection = new Redis({ path: socketPath });
  const pid = Number(/process_id:(\d+)/.exec(await connection.info('server'))?.[1]);
  connection.disconnect();
  process.kill(pid, 'SIGSTOP');
  return () => {
    process.kill(pid, 'SIGCONT');
  };
}

async function isMoving(path: string): Promise<boolean> {
  const ledger = await openWholeLedger({ address: path, leaseMs: LEASE_MS });
  try {
    return (await ledger.gate.expiresAtMs()) > Date.now();
  } finally {
    await ledger.close();
  }
}

/** The ids that were acknowledged and are in the ledger. */
async function findKept(path: string, sent: readonly SentWebhook[]): Promise<ReadonlySet<string>> {
  const ledger = await openWholeLedger({ address: path, leaseMs: LEASE_MS });
  const kept = new Set<string>();
  try {
    for (const { id, status } of sent) {
      if (id !== null && status === 200 && (await ledger.recordings.get(id)) !== undefined) kept.add(id);
    }
  } finally {
    await ledger.close();
  }
  return kept;
}

function lostOf(sent: readonly SentWebhook[], kept: ReadonlySet<string>): number {
  return sent.filter(({ id }) => id === null || !kept.has(id)).length;
}

function latencies(sent: readonly SentWebhook[]): number[] {
  return sent.map(({ latencyMs }) => latencyMs);
}

function summary(sent: readonly SentWebhook[]): string {
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => quantile(latencies(sent), share).toFixed(1));
  return `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`;
}

function figuresOf(prefix: string, sent: readonly SentWebhook[], kept: ReadonlySet<string>) {
  return {
    [`${prefix}p50_ms`]: quantile(latencies(sent), 0.5),
    [`${prefix}p99_ms`]: quantile(latencies(sent), 0.99),
    [`${prefix}max_ms`]: quantile(latencies(sent), 1),
    [`${prefix}lost`]: lostOf(sent, kept),
  };
}

function rowOf(name: string, rounds: readonly SentWebhook[][], kept: ReadonlySet<string>): string[] {
  const sent = rounds.flat();
  return [
    name,
    String(sent.length),
    ...[0.5, 0.99, 1].map((share) => quantile(latencies(sent), share).toFixed(1)),
    ...spread(
      rounds.map((round) => quantile(latencies(round), 0.99)),
      1,
    ),
    String(lostOf(sent, kept)),
  ];
}
