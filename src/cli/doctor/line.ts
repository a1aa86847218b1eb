import { type Finding, fail, ok, warn } from '../../domain/finding.ts';
import { durationText } from '../../lib/duration-text.ts';
import type { Api } from '../api.ts';
import { type Status, statusShape } from '../api-shapes.ts';
import { localTime } from '../times.ts';
import { asked } from './asked.ts';

/** Who waits longer than this waits for more than its turn, in milliseconds. */
const LONG_MS = 24 * 3_600_000;

/** What is stuck. */
export function checkLine(api: Api, signal: AbortSignal): Promise<Finding> {
  return asked(async () => judgeLine(await api.get('/api/status', statusShape, signal), Date.now()));
}

export function judgeLine(status: Status, nowMs: number): Finding {
  const { counts, services, paused, site_gone: siteGone, oldest_waiting_at: oldest, troubles: own } = status;
  const failed = counts['failed'] ?? 0;
  const open = services.filter(({ state }) => state === 'open');
  const waitedMs = oldest === null ? 0 : nowMs - Date.parse(oldest);
  const troubles = [
    ...own.map(({ title }) => title),
    failed > 0 && `${failed} failed`,
    siteGone !== null && `the website wants no announcements at ${siteGone}`,
    ...open.map(({ service, open_until: until }) =>
      until === null ? '' : `${service} is left alone until ${localTime(until)}`,
    ),
    paused && 'the line is paused',
    waitedMs > LONG_MS && `the oldest has waited for ${durationText(waitedMs)}`,
  ].filter((text) => typeof text === 'string' && text !== '');
  const advice = [
    ...own.map(({ advice: what }) => what),
    failed > 0 && 'See why: sluice list --state failed; then: sluice retry --failed.',
    siteGone !== null && 'Correct SITE_WEBHOOK_URL, or POST /api/site/listens.',
    paused && 'sluice resume lets it go on.',
    open.length > 0 && 'Recordings go on when the service answers again.',
    waitedMs > LONG_MS && 'sluice list --state waiting,backing-off tells why.',
  ].filter((text) => typeof text === 'string');
  if (troubles.length === 0) {
    const waiting = counts['waiting'] ?? 0;
    return ok(`worker and Redis work, ${waiting} waiting, ${counts['done'] ?? 0} done, nothing is stuck`);
  }
  const isFailure = own.length > 0 || failed > 0 || siteGone !== null;
  return (isFailure ? fail : warn)(troubles.join('; '), advice.join(' '));
}
