import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMailServer, startWebhook } from '../support/alarm-listeners.ts';
import { cliOf, runSluice } from '../support/cli.ts';
import { type House, openHouse } from '../support/house.ts';

let house: House;
let mail: Awaited<ReturnType<typeof startMailServer>>;
let webhook: Awaited<ReturnType<typeof startWebhook>>;

beforeAll(async () => {
  [house, mail, webhook] = await Promise.all([openHouse(), startMailServer(), startWebhook()]);
});
afterAll(async () => {
  await Promise.all([house.close(), mail.close(), webhook.close()]);
});

describe('sluice alarms', () => {
  it('lists what is wrong, with what to do', async () => {
    expect((await runSluice(['alarms', '--check'], cliOf(house))).stdout).toBe('No alarm is open.\n');

    const { id, path } = await house.addCustom('algebra');
    await rm(path);
    await house.startWorker();
    await house.reaches(id, 'failed');

    await expect
      .poll(() => runSluice(['alarms', '--check'], cliOf(house)), { timeout: 30_000 })
      .toMatchObject({ exitCode: 4, stdout: expect.stringMatching(/! "algebra" has failed\n.*\n {2}→ /) });
    const { json } = await runSluice(['alarms', '--json'], cliOf(house));
    expect(json.alarms).toMatchObject([{ kind: 'recording', recording_id: id }]);
  });
});

describe('sluice alarms test', () => {
  const settings = () => ({
    ALARM_WEBHOOK_URL: webhook.url,
    ALARM_MAIL_TO: 'ops@academy.example',
    ALARM_MAIL_FROM: 'sluice@academy.example',
    SMTP_URL: mail.url,
  });

  it('sends a message on every way, whether Sluice runs or not', async () => {
    const env = { ...settings(), PIPELINE_PORT: '1', B2_KEY_ID: '' };
    const { exitCode, stdout } = await runSluice(['alarms', 'test'], cliOf(house, env));

    expect(stdout).toMatch(/^ok {4}webhook: sent\nok {4}mail: sent to ops@academy.example\n$/);
    expect(exitCode).toBe(0);
    expect(webhook.bodies.at(-1)?.text).toContain('TEST');
    expect(mail.mails.at(-1)?.text).toContain('TEST');
  });

  it('says which way did not work, and what to look at', async () => {
    const env = {
      ...settings(),
      SMTP_URL: mail.url.replace('mail-secret', 'wrong'),
      ALARM_PING_URL: 'http://127.0.0.1:1/uuid',
    };
    const { exitCode, json, stdout } = await runSluice(['alarms', 'test', '--json'], cliOf(house, env));

    expect(exitCode).toBe(1);
    expect(json.channels).toMatchObject([
      { channel: 'webhook', ok: true },
      { channel: 'mail', ok: false, advice: expect.stringContaining('SMTP_URL') },
      { channel: 'ping', ok: false, advice: expect.stringContaining('ALARM_PING_URL') },
    ]);
    expect(stdout).not.toMatch(/mail-secret|uuid/);
  });

  it('says so where nobody is told, or by half a setting', async () => {
    const nobody = await runSluice(['alarms', 'test'], cliOf(house));
    expect([nobody.exitCode, nobody.stderr]).toEqual([1, expect.stringContaining('ALARM_WEBHOOK_URL')]);

    const half = await runSluice(['alarms', 'test'], cliOf(house, { ALARM_MAIL_TO: 'ops@academy.example' }));
    expect([half.exitCode, half.stdout]).toEqual([1, expect.stringMatching(/fail {2}mail: .*SMTP_URL/)]);
  });
});
