import type { AlarmChannel } from '../engine/ports/alarm-channel.ts';
import { createAlarmWebhook } from './chat/channel.ts';
import { createAlarmMail } from './mail/channel.ts';

/** What the settings say of the ways on which people hear of alarms. */
export interface AlarmChannelSettings {
  readonly webhookUrl: string | undefined;
  readonly mail: Parameters<typeof createAlarmMail>[0] | undefined;
}

/** The ways on which people hear of alarms. */
export function createAlarmChannels({ webhookUrl, mail }: AlarmChannelSettings): AlarmChannel[] {
  return [
    ...(webhookUrl === undefined ? [] : [createAlarmWebhook({ url: webhookUrl })]),
    ...(mail === undefined ? [] : [createAlarmMail(mail)]),
  ];
}
