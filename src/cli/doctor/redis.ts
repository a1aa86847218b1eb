import { Redis } from 'ioredis';
import type { RedisAddress } from '../../config/config.ts';
import { type Finding, fail, ok, skip, warn } from '../../domain/finding.ts';
import { probeRedis } from '../../queue/redis-probe.ts';
import { type Pm2, starting } from './pm2.ts';

/** The oldest Redis that the line works with. */
const OLDEST_MAJOR = 6;

export async function checkRedis(
  address: RedisAddress,
  {
    pm2,
    isManaged,
    isBeforeStart,
    signal,
  }: {
    readonly pm2: Pm2;
    readonly isManaged: boolean;
    readonly isBeforeStart: boolean;
    readonly signal: AbortSignal;
  },
): Promise<Finding> {
  const options = {
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    // What it waits for after a connection that could not be made.
    disconnectTimeout: 100,
  };
  const redis =
    'url' in address ? new Redis(address.url, options) : new Redis({ ...options, path: address.socketPath });
  let why = '';
  redis.on('error', (error) => {
    why = error.message;
  });
  const drop = () => redis.disconnect();
  signal.addEventListener('abort', drop, { once: true });
  try {
    await redis.connect();
    const judged = judgeRedis(await redis.info());
    if (judged.state === 'fail') return judged;
    // One that answers may take no writes.
    const { state, why, advice } = await probeRedis(redis, 'doctor');
    return state === 'ok' ? judged : fail(why ?? 'takes no writes', advice ?? 'Look at its log.');
  } catch (error) {
    signal.throwIfAborted();
    const text = why || (error instanceof Error ? error.message : String(error));
    if (isManaged && isBeforeStart) return skip('the managed one starts with Sluice');
    if (isManaged && (await pm2.isStarting('redis', signal)))
      return starting('the managed one does not answer yet');
    return isManaged
      ? fail('the managed one does not run', 'It starts with Sluice: npm start, or npx pm2 restart redis.')
      : fail(
          `does not answer: ${text}`,
          'Start it, or correct REDIS_URL. Recordings are accepted meanwhile, and wait.',
        );
  } finally {
    signal.removeEventListener('abort', drop);
    redis.disconnect();
  }
}

/** @param info What Redis answers to INFO */
export function judgeRedis(info: string): Finding {
  const facts = new Map(info.split('\r\n').map((line) => line.split(':', 2) as [string, string]));
  const version = facts.get('valkey_version') ?? facts.get('redis_version') ?? '?';
  const policy = facts.get('maxmemory_policy') ?? 'noeviction';
  const isLimited = Number(facts.get('maxmemory') ?? 0) > 0;
  if (facts.get('loading') === '1') return warn(`${version} is still loading`, 'Ask again in a moment.');
  if (Number.parseInt(facts.get('redis_version') ?? '', 10) < OLDEST_MAJOR) {
    return fail(`${version} is too old`, `Install Redis ${OLDEST_MAJOR} or newer, or Valkey.`);
  }
  if (policy !== 'noeviction') {
    const advice =
      'Set maxmemory-policy to noeviction: else the line may lose jobs, and finds them again late.';
    return isLimited
      ? fail(`${version} throws keys away (${policy})`, advice)
      : warn(`${version} would throw keys away (${policy}) if its memory were limited`, advice);
  }
  if (facts.get('aof_enabled') !== '1') {
    return warn(
      `${version} forgets the line when it restarts (appendonly no)`,
      'Set appendonly to yes. Nothing is lost without it: the worker rebuilds the line from the ledger.',
    );
  }
  return ok(`${version}, appendonly, noeviction`);
}
