import type { Logger } from 'pino';
import { createAlarmMail } from '../clients/alarm-mail.ts';
import { createAlarmWebhook } from '../clients/alarm-webhook.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type AlarmTerms, createAlarmConditions } from './alarm-conditions.ts';
import { startAlarms } from './alarms.ts';
import { createDiskWatch, type DiskWatch } from './disk-watch.ts';
import { troublesOf } from './troubles.ts';
import type { VitalsWatch, VitalTerms } from './vitals.ts';

/** What of the configuration alarms depend on. */
interface AlarmSettings {
  readonly alarms: {
    readonly webhookUrl: string | undefined;
    readonly mail: Parameters<typeof createAlarmMail>[0] | undefined;
    readonly terms: AlarmTerms;
    readonly pauseMs: number;
    readonly dashboardUrl: string | undefined;
  };
  readonly vitals: VitalTerms;
  readonly dataDir: string;
  readonly diskReserveBytes: number;
  readonly site: { readonly webhookUrl: string };
}

/**
 * Builds and starts what tells people of what is wrong.
 *
 * @param options.isOnDuty See `startAlarms`.
 */
export function composeAlarms(
  config: AlarmSettings,
  options: {
    readonly ledger: Ledger;
    readonly vitals: VitalsWatch;
    /** Hears of what recordings meet; default one that only looks by itself. */
    readonly diskWatch?: DiskWatch;
    readonly isOnDuty?: () => boolean;
    readonly log: Logger;
  },
) {
  const { ledger, vitals, diskWatch = createDiskWatch(config.dataDir), ...more } = options;
  const { webhookUrl, mail, terms, pauseMs, dashboardUrl } = config.alarms;
  return startAlarms({
    ledger,
    conditions: createAlarmConditions({
      ledger,
      troubles: async () => {
        const seen = await vitals.look();
        const last = seen.givenUp === 0 ? undefined : (await ledger.deliveries.givenUp(1))[0];
        return troublesOf(seen, config.vitals, last);
      },
      terms,
      diskReserveBytes: config.diskReserveBytes,
      freeBytes: diskWatch.freeBytes,
      troubleOfDisk: diskWatch.trouble,
      siteUrl: config.site.webhookUrl,
    }),
    channels: [
      ...(webhookUrl === undefined ? [] : [createAlarmWebhook({ url: webhookUrl })]),
      ...(mail === undefined ? [] : [createAlarmMail(mail)]),
    ],
    pauseMs,
    dashboardUrl,
    ...more,
  });
}
