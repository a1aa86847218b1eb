import type { Fault } from '../../simulators/shared/faults.ts';
import type { Dice } from './dice.ts';

/** What has faults of its own. The CDN is the origin of Zoom's bytes. */
export const TARGETS = ['zoom', 'cdn', 'b2', 'bunny', 'site'] as const;
export type Target = (typeof TARGETS)[number];

/** The requests that a service is asked for on the way of a recording, those with the most traps more than once. */
const REQUESTS: Readonly<Record<Target, readonly [string, ...string[]]>> = {
  zoom: ['GET /rec/*', 'GET /rec/*', 'POST /oauth/token', 'GET /v2/*'],
  cdn: ['GET *'],
  b2: [
    '* /b2api/v3/b2_authorize_account',
    '* /b2api/v3/b2_list_*',
    '* /b2api/v3/b2_get_upload_*',
    'POST /b2api/v3/b2_upload_file*',
    'POST /b2api/v3/b2_upload_part*',
    'POST /b2api/v3/b2_upload_*',
    'POST /b2api/v3/b2_start_large_file',
    'POST /b2api/v3/b2_finish_large_file',
    'POST /b2api/v3/b2_finish_large_file',
    'GET /b2api/v3/b2_download_file_by_id',
    '*',
  ],
  bunny: [
    'POST /library/*/videos',
    'POST /library/*/videos',
    'GET /library/*',
    'POST /tusupload',
    'HEAD /tusupload/*',
    'PATCH /tusupload/*',
    'PATCH /tusupload/*',
    'PATCH /tusupload/*',
    '*',
  ],
  site: ['POST *'],
};

/** A request that changes something, after which its caller has to know that it did. */
export interface Effect {
  readonly target: Target;
  readonly on: string;
}

export const EFFECTS: readonly Effect[] = [
  { target: 'b2', on: 'POST /b2api/v3/b2_upload_file*' },
  { target: 'b2', on: 'POST /b2api/v3/b2_start_large_file' },
  { target: 'b2', on: 'POST /b2api/v3/b2_upload_part*' },
  { target: 'b2', on: 'POST /b2api/v3/b2_finish_large_file' },
  { target: 'bunny', on: 'POST /library/*/videos' },
  { target: 'bunny', on: 'POST /tusupload' },
  { target: 'bunny', on: 'PATCH /tusupload/*' },
  { target: 'site', on: 'POST *' },
];

/** Those of storage and video services that a server may carry out long after its client has gone. */
export const LATE_EFFECTS: readonly Effect[] = EFFECTS.filter(({ target }) => target !== 'site');

const KINDS = [
  'unavailable',
  'throttled',
  'reset-before',
  'reset-during',
  'lost-answer',
  'lost-answer',
  'cut-answer',
  'stall',
  'drip',
  'late',
] as const;

/** One misbehaviour of a service, such as it is seen of the real ones. */
export function throwFault(dice: Dice, target: Target): Fault {
  const on = dice.pick(REQUESTS[target]);
  const count = dice.whole(1, 3);
  const shared = { on, count };
  switch (dice.pick(KINDS)) {
    case 'unavailable':
      return { ...shared, status: dice.pick([500, 502, 503, 503]) };
    case 'throttled':
      return { ...shared, status: 429, headers: { 'retry-after': String(dice.whole(1, 2)) } };
    case 'reset-before':
      return { ...shared, drop: 'before-handling' };
    case 'reset-during':
      return { ...shared, drop: 'during-body', cutAfterBytes: dice.whole(1, 4_000_000) };
    case 'lost-answer':
      return { ...shared, drop: 'after-handling' };
    case 'cut-answer':
      return { ...shared, cutAfterBytes: target === 'cdn' ? dice.whole(1, 8_000_000) : dice.whole(1, 60) };
    case 'stall':
      return { on, count: 1, stall: true };
    case 'drip':
      return { on, count: 1, bytesPerSecond: dice.whole(300_000, 900_000) };
    case 'late':
      return { ...shared, delayMs: dice.whole(200, 1500) };
  }
}
