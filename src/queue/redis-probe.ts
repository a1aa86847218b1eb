import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { KEY_PREFIX } from './connection.ts';

/** How long an answer is good for, how long Redis may take for one, and how long the written key stays, in milliseconds. */
const GOOD_FOR_MS = 1000;
const TIMEOUT_MS = 3000;
const KEY_LIFE_MS = 60_000;

/** How long a connection that is being made is waited for, in milliseconds. */
const CONNECTING_MS = 1000;

/**
 * Whether the line can be kept in this Redis.
 *
 * - `ok`: it takes writes
 * - `away`: it is not connected
 * - `refusing`: it answers, and does not take writes, or not those that the line needs
 */
export interface RedisState {
  readonly state: 'ok' | 'away' | 'refusing';
  /** What is wrong, as the end of a sentence about Redis; also what is not well with one that takes writes. */
  readonly why: string | undefined;
  readonly advice: string | undefined;
}

type Words = readonly [why: string, advice: string];

/** What Redis says of a write that it does not take, by the first word of its error. */
const REFUSALS: Readonly<Record<string, Words>> = {
  OOM: [
    'is full and takes no writes',
    'Give it more memory (maxmemory), or take away what else is kept there.',
  ],
  READONLY: [
    'is a replica, which takes no writes',
    'Point REDIS_URL at the primary, or make this one the primary.',
  ],
  MISCONF: [
    'cannot save to its disk and takes no writes',
    'Look at the disk and the rights of its folder, and at its log.',
  ],
  NOREPLICAS: [
    'has too few replicas and takes no writes',
    'Look at its replicas and at min-replicas-to-write.',
  ],
  MOVED: ['runs in cluster mode', 'Use a Redis that is no cluster: the line cannot be spread over several.'],
  CLUSTERDOWN: [
    'runs in cluster mode',
    'Use a Redis that is no cluster: the line cannot be spread over several.',
  ],
  CROSSSLOT: [
    'runs in cluster mode',
    'Use a Redis that is no cluster: the line cannot be spread over several.',
  ],
  NOAUTH: ['asks for a password', 'Put it into REDIS_URL.'],
  WRONGPASS: ['does not take the password', 'Correct REDIS_URL.'],
  NOPERM: [
    'does not let this user write',
    `Let the user of REDIS_URL use all commands on keys ${KEY_PREFIX}:*.`,
  ],
  LOADING: ['is still loading', 'Wait a moment.'],
  MASTERDOWN: ['is a replica that has lost its primary', 'Point REDIS_URL at the primary.'],
};

const CLUSTER: Words = REFUSALS['MOVED'] ?? ['', ''];

/** What an error that Redis has answered a write with means. */
function wordsOfRefusal(error: unknown): Words {
  const message = error instanceof Error ? error.message : String(error);
  const [code = ''] = /^[A-Z]+/.exec(message) ?? [];
  return REFUSALS[code] ?? [`does not take writes: ${message}`, 'Look at its log and at REDIS_URL.'];
}

/** Finds out by really writing a key, for a Redis that answers may take no writes. */
export interface RedisProbe {
  /** Asks Redis, unless it was asked a moment ago. */
  look(): Promise<RedisState>;
}

export function createRedisProbe(options: {
  readonly connection: Redis;
  /** Names the key: two processes do not write the same. */
  readonly app: string;
}): RedisProbe {
  const { connection, app } = options;
  let last: { readonly atMs: number; readonly state: Promise<RedisState> } | undefined;

  return {
    async look() {
      await untilDecided(connection);
      if (connection.status !== 'ready') {
        last = undefined;
        return {
          state: 'away',
          why: 'is away',
          advice: 'Start it. Recordings are still accepted; they move once it is back.',
        };
      }
      if (last === undefined || performance.now() - last.atMs > GOOD_FOR_MS) {
        last = { atMs: performance.now(), state: probeRedis(connection, app) };
      }
      return await last.state;
    },
  };
}

/** Waits a moment for a connection that is being made: whether it will be is not known yet. */
async function untilDecided(connection: Redis): Promise<void> {
  if (connection.status !== 'connecting' && connection.status !== 'connect') return;
  const signal = AbortSignal.timeout(CONNECTING_MS);
  await Promise.any(['ready', 'close'].map((event) => once(connection, event, { signal }))).catch(() => {});
}

/** Writes a key that goes by itself, and looks whether the line can rely on this Redis. */
export async function probeRedis(connection: Pick<Redis, 'set' | 'info'>, app: string): Promise<RedisState> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
  });
  const ask = async (): Promise<RedisState> => {
    const facts = new Map(
      (await connection.info()).split('\r\n').map((line) => line.split(':', 2) as [string, string]),
    );
    if (facts.get('cluster_enabled') === '1') return refusing(CLUSTER);
    await connection.set(`${KEY_PREFIX}:probe:${app}`, Date.now(), 'PX', KEY_LIFE_MS);
    const policy = facts.get('maxmemory_policy') ?? 'noeviction';
    if (Number(facts.get('maxmemory') ?? 0) > 0 && policy !== 'noeviction') {
      return {
        state: 'ok',
        why: `throws keys away when its memory is full (${policy})`,
        advice: 'Set maxmemory-policy to noeviction: else the line loses jobs, and finds them again late.',
      };
    }
    return { state: 'ok', why: undefined, advice: undefined };
  };
  try {
    return await Promise.race([ask(), late]);
  } catch (error) {
    return refusing(wordsOfRefusal(error));
  } finally {
    clearTimeout(timer);
  }
}

function refusing([why, advice]: Words): RedisState {
  return { state: 'refusing', why, advice };
}
