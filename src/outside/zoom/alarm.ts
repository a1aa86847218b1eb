import { adviceFor } from '../../domain/error-catalogue.ts';
import type { AlarmChange, NewAlarm } from '../../ledger/alarms.ts';
import { wallMs } from '../../lib/wall-time.ts';
import type { ZoomChecks } from './tables/checks.ts';
import './tables/tables.ts';

/** The kinds of alarms that are Zoom's alone. */
export const ZOOM_ALARM_KINDS = ['zoom'] as const;

/** When webhooks that are refused are an alarm. */
export interface ZoomAlarmTerms {
  /** Webhooks with a wrong signature since the last right one. */
  readonly refusals: number;
  readonly windowMs: number;
}

/** Looks whether Zoom's webhooks are refused. */
export function createZoomCondition(options: {
  readonly checks: Pick<ZoomChecks, 'since'>;
  readonly terms: ZoomAlarmTerms;
  readonly now?: () => number;
}): () => Promise<AlarmChange[]> {
  const { checks, terms, now = wallMs } = options;
  return async () => {
    const validAtMs = (await checks.since(now())).valid?.lastAtMs ?? 0;
    const seen = await checks.since(Math.max(validAtMs, now() - terms.windowMs));
    const sinceValid = (outcome: 'invalid' | 'stale' | 'validation-refused') => {
      const check = seen[outcome];
      return check !== undefined && check.lastAtMs > validAtMs ? check : { count: 0, lastAtMs: 0 };
    };
    const [invalid, stale, validation] = [
      sinceValid('invalid'),
      sinceValid('stale'),
      sinceValid('validation-refused'),
    ];
    if (validation.count > 0 || invalid.count + stale.count >= terms.refusals) {
      const counts = { invalid: invalid.count, stale: stale.count, validations: validation.count };
      return [{ raise: zoomRefused(counts) }];
    }
    // Silence says nothing: Zoom sends only when somebody records.
    const isWell = [invalid, stale, validation].every(({ lastAtMs }) => lastAtMs === 0);
    return isWell ? [{ resolve: 'zoom', resolution: 'A request with a right signature has come.' }] : [];
  };
}

function zoomRefused(counts: { invalid: number; stale: number; validations: number }): NewAlarm {
  const { invalid, stale, validations } = counts;
  const isClock = stale > invalid;
  return {
    key: 'zoom',
    kind: 'zoom',
    title: validations > 0 ? 'Zoom could not validate this server' : "Zoom's webhooks are refused",
    detail: `Since the last right signature ${invalid + stale + validations} requests came with a wrong one${
      isClock ? ', most of them signed at another time' : ''
    }. Recordings that Zoom announces this way do not come in.`,
    advice: adviceFor(isClock ? 'SIGNATURE_STALE' : 'SIGNATURE_INVALID', 'goes-on'),
  };
}
