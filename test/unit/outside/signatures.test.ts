import { createHmac } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { encodeFileName } from '../../../src/outside/b2/client.ts';
import { uploadSignature } from '../../../src/outside/bunny/client.ts';

describe("Bunny's upload signature", () => {
  const input = { libraryId: '4321', apiKey: 'key-abc', expiresAtS: 1_700_000_000, videoId: 'video-guid' };

  it("is the one of Bunny's own test vector", () => {
    expect(uploadSignature(input)).toBe('082ef4f2f1bc9d64124f7d069a4bea07e0f28381adde37dce2a729ec95d49419');
  });

  it.each([
    ['library', { libraryId: '4322' }],
    ['key', { apiKey: 'key-abd' }],
    ['expiry', { expiresAtS: 1_700_000_001 }],
    ['video', { videoId: 'video-guie' }],
  ])('depends on the %s', (_name, change) => {
    expect(uploadSignature({ ...input, ...change })).not.toBe(uploadSignature(input));
  });
});

describe("B2's file names", () => {
  it.each([
    [' ', '%20'],
    ['+', '%2B'],
    [',', '%2C'],
    ['&', '%26'],
    ['自', '%E8%87%AA'],
    ['😀', '%F0%9F%98%80'],
    ['%', '%25'],
    ['?', '%3F'],
    ['#', '%23'],
    ['"', '%22'],
    ['a/b', 'a/b'],
    ["A-Za-z0-9-._~!'()*", "A-Za-z0-9-._~!'()*"],
  ])('write %j as %j', (name, encoded) => {
    expect(encodeFileName(name)).toBe(encoded);
  });
});

describe('the signature of announcements', () => {
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
  const body = '{"test": 2432232314}';

  it('is the one of the Standard Webhooks vector', () => {
    const signature = new Webhook(secret).sign(id, new Date(1_614_265_330_000), body);

    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('uses the decoded secret as its key', () => {
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
    const byHand = createHmac('sha256', key).update(`${id}.1614265330.${body}`).digest('base64');

    expect(new Webhook(secret).sign(id, new Date(1_614_265_330_000), body)).toBe(`v1,${byHand}`);
  });
});
