import type { Fault } from '../shared/faults.ts';

/** The answer to the calls beyond a second's share: 429, and no word on when to come back (Zoom, rate limits). */
export function perSecondLimit(on: string, count = 1): Fault {
  return limit(
    on,
    count,
    'You have reached the maximum per-second rate limit for this API. Try again later.',
    {
      'x-ratelimit-category': 'Light',
      'x-ratelimit-type': 'QPS',
      'x-ratelimit-limit': '30',
      'x-ratelimit-remaining': '0',
    },
  );
}

/** The answer once the day's share is used: 429, and `Retry-After` as an ISO 8601 date-time (Zoom, rate limits). */
export function dailyLimit(on: string, retryAt: Date, count = 1): Fault {
  const retryAfter = retryAt.toISOString().replace(/\.\d+Z$/, 'Z');
  const message =
    'You have reached the maximum daily rate limit for this API. Refer to the response header for details on when you can make another request.';
  return limit(on, count, message, {
    'x-ratelimit-category': 'Light',
    'x-ratelimit-type': 'Daily-limit',
    'x-ratelimit-limit': '6000',
    'x-ratelimit-remaining': '0',
    'x-ratelimit-reset': retryAfter,
    'retry-after': retryAfter,
  });
}

function limit(on: string, count: number, message: string, headers: Readonly<Record<string, string>>): Fault {
  return {
    on,
    count,
    status: 429,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ code: 429, message }),
  };
}
