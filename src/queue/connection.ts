import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { systemCode } from '../domain/errors.ts';

/** All of Sluice's keys in Redis begin so. */
export const KEY_PREFIX = 'sluice';

const MAX_RECONNECT_PAUSE_MS = 1000;

const AWAY_CODES = ['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'];

/** Whether an error only says that Redis is away, which the connection's own log line has said already. */
export function isAway(error: Error): boolean {
  return AWAY_CODES.includes(systemCode(error) ?? '') || error.message === 'Connection is closed.';
}

/** Connects to Redis and stays at it: commands wait while Redis is away, and a reconnect is never far. */
export function connectRedis(address: { url: string } | { socketPath: string }, log: Logger): Redis {
  const options = {
    maxRetriesPerRequest: null,
    retryStrategy: (attempt: number) => Math.min(100 * attempt, MAX_RECONNECT_PAUSE_MS),
  };
  const redis =
    'url' in address ? new Redis(address.url, options) : new Redis({ ...options, path: address.socketPath });
  let isAway = false;
  redis.on('error', (error) => {
    if (!isAway) log.warn({ event: 'redis.away', err: error }, 'redis away');
    isAway = true;
  });
  redis.on('ready', () => {
    if (isAway) log.info({ event: 'redis.back' }, 'redis back');
    isAway = false;
  });
  return redis;
}
