import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { answerChallenge, verifyZoomSignature } from '../../../../src/outside/zoom/signature.ts';

const secretToken = 'test-secret-token';
const TIMESTAMP_S = 1_739_923_528;
const body = Buffer.from('{"event":"recording.completed","event_ts":1739923528000,"payload":{}}');
const signature = 'v0=d497e9f73bef2c21aa58338cdaf8a63213a6be761af3d4df128feebca2ffc7d0';
const signed = { body, timestamp: String(TIMESTAMP_S), signature };

function verify(change: Partial<Parameters<typeof verifyZoomSignature>[0]> = {}, nowS = TIMESTAMP_S): void {
  const accounts = [{ id: null, secrets: [secretToken], credentials: undefined, rules: [] }];
  const options = { accounts, toleranceS: 300, nowMs: nowS * 1000 };
  verifyZoomSignature({ ...signed, ...change }, options);
}

function sign(timestamp: string, content: Buffer): string {
  return `v0=${createHmac('sha256', secretToken).update(`v0:${timestamp}:`).update(content).digest('hex')}`;
}

describe('verifyZoomSignature', () => {
  it("takes the vector of Zoom's scheme", () => {
    expect(() => verify()).not.toThrow();
  });

  it('covers the bytes as they came, also where they are no text', () => {
    const bytes = Buffer.from([0x7b, 0xff, 0x00, 0xc3, 0x28]);

    expect(() => verify({ body: bytes, signature: sign(String(TIMESTAMP_S), bytes) })).not.toThrow();
  });

  it.each([
    ['no signature', { signature: undefined }],
    ['no timestamp', { timestamp: undefined }],
    ['an empty signature', { signature: '' }],
    ['another body', { body: Buffer.from(`${body} `) }],
    ['another timestamp', { timestamp: String(TIMESTAMP_S + 1) }],
    ['another digest', { signature: `${signature.slice(0, -1)}1` }],
    ['a digest cut short', { signature: signature.slice(0, -2) }],
    ['a digest that goes on', { signature: `${signature}00` }],
    ['a digest in upper case', { signature: signature.toUpperCase().replace('V0', 'v0') }],
    ['no scheme', { signature: signature.replace('v0=', '') }],
    ['another scheme', { signature: signature.replace('v0', 'v1') }],
    ['67 characters of more than 67 bytes', { signature: 'ü'.repeat(67) }],
    ['a scheme and 64 characters of more bytes', { signature: `v0=${'é'.repeat(64)}` }],
    ['a timestamp with a colon', { timestamp: `${TIMESTAMP_S}:{"x"` }],
    ['a negative timestamp', { timestamp: `-${TIMESTAMP_S}` }],
    ['a timestamp in exponents', { timestamp: '1e9' }],
    ['a timestamp with spaces', { timestamp: ` ${TIMESTAMP_S}` }],
    ['a timestamp of too many digits', { timestamp: '1'.repeat(13) }],
  ])('refuses %s', (_name, change) => {
    expect(() => verify(change)).toThrow(expect.objectContaining({ code: 'SIGNATURE_INVALID' }));
  });

  it('refuses a timestamp that is no number even where it is signed', () => {
    const timestamp = `${TIMESTAMP_S}:`;

    expect(() => verify({ timestamp, signature: sign(timestamp, body) })).toThrow(
      expect.objectContaining({ code: 'SIGNATURE_INVALID' }),
    );
  });

  it.each([
    ['300 s late', 300],
    ['300 s early', -300],
  ])('takes what is %s', (_name, ageS) => {
    expect(() => verify({}, TIMESTAMP_S + ageS)).not.toThrow();
  });

  it.each([
    ['301 s late', 301],
    ['301 s early', -301],
  ])('refuses what is %s', (_name, ageS) => {
    expect(() => verify({}, TIMESTAMP_S + ageS)).toThrow(
      expect.objectContaining({ code: 'SIGNATURE_STALE' }),
    );
  });

  it('does not tell a stranger whether a timestamp is fresh', () => {
    expect(() => verify({ signature: sign('1', body) }, TIMESTAMP_S + 9999)).toThrow(
      expect.objectContaining({ code: 'SIGNATURE_INVALID' }),
    );
  });
});

describe('answerChallenge', () => {
  it("answers the vector of Zoom's challenge", () => {
    expect(answerChallenge('qgg8vlvZRS6UYooatFL8Aw', secretToken)).toEqual({
      plainToken: 'qgg8vlvZRS6UYooatFL8Aw',
      encryptedToken: '9c8ad56737c19db2904b301c0781e86857e999f39f07727668cf62a5e7e298c8',
    });
  });

  it('takes a token of 128 characters', () => {
    expect(() => answerChallenge('a'.repeat(128), secretToken)).not.toThrow();
  });

  it.each([
    ['the beginning of a signed webhook', `v0:${TIMESTAMP_S}:${body}`],
    ['a colon', 'a:b'],
    ['129 characters', 'a'.repeat(129)],
    ['white space', 'a b'],
    ['nothing', ''],
    ['no token', undefined],
    ['a number', 7],
    ['a list', ['a']],
  ])('refuses %s', (_name, plainToken) => {
    expect(() => answerChallenge(plainToken, secretToken)).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID' }),
    );
  });
});
