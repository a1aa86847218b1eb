import type { Config } from '../../config/config.ts';
import { type Finding, ok, warn } from '../../domain/finding.ts';

/** Whether anybody hears of what is wrong. */
export function checkAlarms({ alarms: { webhookUrl, mail, ping } }: Config): Finding {
  const ways = [
    webhookUrl === undefined ? '' : `webhook at ${new URL(webhookUrl).host}`,
    mail === undefined ? '' : `mail to ${mail.to.join(', ')}`,
    ping === undefined ? '' : `a ping to ${new URL(ping.url).host}`,
  ].filter(Boolean);
  if (webhookUrl === undefined && mail === undefined) {
    const only = ping === undefined ? '' : `; only ${ways.join()} ends if Sluice stands still`;
    return warn(
      `nobody is told of failures${only}`,
      'Set ALARM_WEBHOOK_URL, or ALARM_MAIL_TO, ALARM_MAIL_FROM and SMTP_URL.',
    );
  }
  return ok(`${ways.join('; ')}: sluice alarms test tries them`);
}
