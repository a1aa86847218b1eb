import { createHmac } from 'node:crypto';
import { type Attack, onlyStatuses } from './attack.ts';
import { send } from './request.ts';

function hmac(key: string, text: string): string {
  return createHmac('sha256', key).update(text).digest('hex');
}

const EVENT = JSON.stringify({
  event: 'recording.completed',
  event_ts: 1,
  payload: {
    object: {
      id: 1,
      uuid: 'forged',
      recording_files: [{ id: 'f', file_type: 'MP4', download_url: 'https://zoom.us/x' }],
    },
  },
});

export const WEBHOOK_ATTACKS: readonly Attack[] = [
  {
    name: 'forged: no signature, a wrong one, one of another secret, of another time, of another body',
    expected: '401',
    async run({ house: { nginx, zoom } }) {
      const now = String(Math.floor(Date.now() / 1000));
      const right = hmac(zoom.secretToken, `v0:${now}:${EVENT}`);
      const forgeries: Record<string, string>[] = [
        {},
        { 'x-zm-request-timestamp': now },
        { 'x-zm-request-timestamp': now, 'x-zm-signature': 'v0=' },
        { 'x-zm-request-timestamp': now, 'x-zm-signature': `v0=${'0'.repeat(64)}` },
        { 'x-zm-request-timestamp': now, 'x-zm-signature': right },
        { 'x-zm-request-timestamp': now, 'x-zm-signature': `V0=${right.toUpperCase()}` },
        { 'x-zm-request-timestamp': now, 'x-zm-signature': `v0=${hmac('', `v0:${now}:${EVENT}`)}` },
        {
          'x-zm-request-timestamp': now,
          'x-zm-signature': `v0=${hmac(zoom.clientSecret, `v0:${now}:${EVENT}`)}`,
        },
        { 'x-zm-request-timestamp': String(Number(now) - 1), 'x-zm-signature': `v0=${right}` },
        {
          'x-zm-request-timestamp': ` ${now}`,
          'x-zm-signature': `v0=${hmac(zoom.secretToken, `v0: ${now}:${EVENT} `)}`,
        },
        {
          'x-zm-request-timestamp': now,
          'x-zm-signature': `v0=${hmac(zoom.secretToken, `v0:${now}:${EVENT} `)}`,
        },
      ];
      const answers = await Promise.all(
        forgeries.map((headers) => send(nginx.port, 'POST', '/zoom-upload', { headers, body: EVENT })),
      );
      return onlyStatuses(
        answers.map(({ status }) => status),
        401,
      );
    },
  },
  {
    name: 'stale: rightly signed, of yesterday, of tomorrow, of the year 1970',
    expected: '401',
    async run({ house: { nginx, zoom } }) {
      const nowS = Math.floor(Date.now() / 1000);
      const statuses = [];
      for (const timestampS of [nowS - 86_400, nowS + 86_400, nowS - 301, nowS + 302, 0, 999_999_999_999]) {
        const { status } = await zoom.send(`${nginx.url}/zoom-upload`, EVENT, { timestampS });
        statuses.push(status);
      }
      return onlyStatuses(statuses, 401);
    },
  },
  {
    name: 'replayed: the same signed event twenty times at once',
    expected: '200, and one recording',
    async run({ house: { nginx, zoom, allowed }, intend }) {
      const meeting = await zoom.addMeeting({ topic: 'Replayed', files: [{ path: allowed.path }] });
      const event = zoom.recordingCompleted(meeting);
      const timestampS = Math.floor(Date.now() / 1000);
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => zoom.send(`${nginx.url}/zoom-upload`, event, { timestampS })),
      );
      const taken = answers.flatMap(
        ({ body }) => JSON.parse(body).accepted as { id: string; duplicate: boolean }[],
      );
      const ids = new Set(taken.map(({ id }) => id));
      for (const id of ids) intend(id);
      const anew = taken.filter(({ duplicate }) => !duplicate).length;
      const { isOk } = onlyStatuses(
        answers.map(({ status }) => status),
        200,
      );
      return {
        happened: `${ids.size} recording, new ${anew} time(s)`,
        isOk: isOk && ids.size === 1 && anew === 1,
      };
    },
  },
  {
    name: 'the challenge is asked to sign a webhook, and asked without a signature',
    expected: '400 and 401, nothing signed',
    async run({ house: { nginx, zoom } }) {
      const now = String(Math.floor(Date.now() / 1000));
      const challenge = (plainToken: unknown) => ({
        event: 'endpoint.url_validation',
        event_ts: 1,
        payload: { plainToken },
      });
      const answers = [];
      for (const plain of [
        `v0:${now}:${EVENT}`,
        `v0:${now}:{}`,
        'v0:1:',
        '',
        ' ',
        ['v0', now],
        { toString: 'x' },
        'a\nb',
        'x'.repeat(129),
      ]) {
        answers.push(await zoom.send(`${nginx.url}/zoom-upload`, challenge(plain)));
      }
      const unsigned = await zoom.send(`${nginx.url}/zoom-upload`, challenge('abc'), { secret: 'x' });
      const all = [...answers, unsigned];
      const outcome = onlyStatuses(
        all.map(({ status }) => status),
        400,
        401,
      );
      return {
        ...outcome,
        isOk:
          outcome.isOk && unsigned.status === 401 && !all.some(({ body }) => body.includes('encryptedToken')),
      };
    },
  },
  {
    name: 'signed, but not JSON, not an event, or a million brackets',
    expected: '200 and noted, 400 or 413',
    async run({ house: { nginx, zoom } }) {
      const bodies = [
        '',
        'null',
        '[]',
        '{',
        '"x"',
        '{"event":1}',
        '{"__proto__":{"event":"recording.completed"}}',
        '['.repeat(1_000_000),
        'x'.repeat(2_000_000),
      ];
      const statuses = [];
      for (const body of bodies) statuses.push((await zoom.send(`${nginx.url}/zoom-upload`, body)).status);
      // -3 is the simulated Zoom's word for a connection that broke while it was still sending.
      return onlyStatuses(statuses, 200, 400, 413, -3);
    },
  },
  {
    name: 'forged word of Bunny',
    expected: '401, and 404 from outside',
    async run({ house: { nginx, pipelinePort, bunny } }) {
      const body = JSON.stringify({ VideoGuid: 'x', Status: 3 });
      const headers = { 'x-bunnystream-signature': hmac('x', body) };
      const direct = await send(pipelinePort, 'POST', '/bunny-webhook', { headers, body });
      const withOwnKey = { 'x-bunnystream-signature': hmac(bunny.apiKey, body) };
      const otherKey = await send(pipelinePort, 'POST', '/bunny-webhook', { headers: withOwnKey, body });
      const outside = await send(nginx.port, 'POST', '/bunny-webhook', { headers, body });
      const statuses = [direct.status, otherKey.status, outside.status];
      return { ...onlyStatuses(statuses, 401, 404), isOk: statuses.join() === '401,401,404' };
    },
  },
];
