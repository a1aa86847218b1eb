import type { Logger } from 'pino';
import { troublesOf } from '../desk/troubles.ts';
import type { VitalsWatch, VitalTerms } from '../desk/vitals.ts';
import { type AlarmTerms, createAlarmConditions } from '../errands/alarm-conditions.ts';
import { startAlarms } from '../errands/alarms.ts';
import { startAlivePing } from '../errands/alive-ping.ts';
import { createDiskWatch, type DiskWatch } from '../errands/disk-watch.ts';
import { type AlarmChannelSettings, createAlarmChannels } from '../outside/alarm-channels.ts';
import { createAlarmPing } from '../outside/monitor/ping.ts';
import type { WholeLedger } from '../outside/whole-ledger.ts';
import { SERVICES } from '../outside/words.ts';
import { createZoomCondition, type ZoomAlarmTerms } from '../outside/zoom/alarm.ts';

/** What of the configuration alarms depend on. */
interface AlarmSettings {
  readonly alarms: AlarmChannelSettings & {
    readonly ping: { readonly url: string; readonly everyMs: number } | undefined;
    readonly terms: AlarmTerms;
    readonly zoom: ZoomAlarmTerms;
    readonly pauseMs: number;
    readonly causePauseMs: number;
    readonly dashboardUrl: string | undefined;
  };
  readonly vitals: VitalTerms;
  readonly dataDir: string;
  readonly diskReserveBytes: number;
  readonly site: { readonly webhookUrl: string };
}

/**
 * Builds and starts what tells people of what is wrong, and a dead man's switch that nothing is.
 *
 * @param options.isOnDuty See `startAlarms`.
 */
export function composeAlarms(
  config: AlarmSettings,
  options: {
    readonly ledger: WholeLedger;
    readonly vitals: VitalsWatch;
    /** Hears of what recordings meet; default one that only looks by itself. */
    readonly diskWatch?: DiskWatch;
    readonly isOnDuty?: () => boolean;
    readonly log: Logger;
  },
) {
  const { ledger, vitals, diskWatch = createDiskWatch(config.dataDir), ...more } = options;
  const { terms, pauseMs, causePauseMs, dashboardUrl, ping } = config.alarms;
  const troubles = async () => {
    const seen = await vitals.look();
    const last = seen.givenUp === 0 ? undefined : (await ledger.deliveries.givenUp(1))[0];
    return troublesOf(seen, config.vitals, last, ledger.hosts.own);
  };
  // Who stands in for a worker that is silent has no all-clear to give.
  const pinging =
    ping === undefined || options.isOnDuty !== undefined
      ? undefined
      : startAlivePing({
          ping: createAlarmPing(ping),
          isAllMoving: async () =>
            (await ledger.hosts.isFirst()) && (await troubles()).every(({ isBlocking }) => !isBlocking),
          everyMs: ping.everyMs,
          log: options.log,
        });
  const alarms = startAlarms({
    ledger,
    conditions: createAlarmConditions({
      ledger,
      troubles,
      terms,
      services: SERVICES,
      diskReserveBytes: config.diskReserveBytes,
      freeBytes: diskWatch.freeBytes,
      troubleOfDisk: diskWatch.trouble,
      siteUrl: config.site.webhookUrl,
      more: [createZoomCondition({ checks: ledger.zoom.checks, terms: config.alarms.zoom })],
    }),
    channels: createAlarmChannels(config.alarms),
    pauseMs,
    causePauseMs,
    dashboardUrl,
    ...more,
  });
  return {
    async stop(timeoutMs: number): Promise<void> {
      await Promise.all([pinging?.stop(), alarms.stop(timeoutMs)]);
    },
  };
}
