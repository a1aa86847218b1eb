import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAlarmMail } from '../../src/outside/mail/channel.ts';
import { startMailServer } from '../support/alarm-listeners.ts';

describe('an alarm by e-mail', () => {
  let server: Awaited<ReturnType<typeof startMailServer>>;
  beforeEach(async () => {
    server = await startMailServer();
  });
  afterEach(() => server.close());

  const send = (more: { needsTls: boolean; smtpUrl?: string }) =>
    createAlarmMail({
      smtpUrl: server.url,
      from: 'Sluice <sluice@academy.example>',
      to: ['ops@academy.example'],
      ...more,
    }).send({
      id: 'alarm-1',
      subject: 'Sluice: "Algebra" has failed',
      body: 'Ääh: B2 says no.',
      signal: AbortSignal.timeout(10_000),
    });

  it('comes in plain text, from and to whom the settings say', async () => {
    await send({ needsTls: false });

    expect(server.mails).toMatchObject([
      { from: 'sluice@academy.example', to: ['ops@academy.example'], text: expect.stringContaining('B2') },
    ]);
    expect(server.mails[0]?.text).toMatch(/message-id: <alarm-1@sluice\.invalid>/i);
  });

  it('shows neither itself nor the password to a server without TLS, where that is required', async () => {
    await expect(send({ needsTls: true })).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });

    expect(server.mails).toEqual([]);
    expect(server.logins).toEqual([]);
  });

  it('says why it was not taken', async () => {
    const smtpUrl = server.url.replace('mail-secret', 'wrong');

    await expect(send({ needsTls: false, smtpUrl })).rejects.toThrow(
      /The mail server did not take .*wrong password/,
    );
  });
});
