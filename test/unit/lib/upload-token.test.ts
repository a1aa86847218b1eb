import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createUploadToken, readUploadToken } from '../../../src/lib/upload-token.ts';

const SECRET = 'a secret of the website, 32 bytes and more';
const OTHER = 'another secret, which is as long as that one';
const NOW_S = Math.floor(Date.now() / 1000);

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token by hand, as any language would make it. */
function token(claims: unknown, { header = {}, secret = SECRET, hash = 'sha256' } = {}): string {
  const signed = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(claims)}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`;
}

const CLAIMS = { ace_id: 'lesson-1', exp: NOW_S + 60 };

describe('readUploadToken', () => {
  it('reads what createUploadToken makes', async () => {
    const made = await createUploadToken({
      secret: SECRET,
      aceId: 'ä/1',
      expiresInS: 60,
      maxBytes: 5,
      title: 'T',
    });

    const reading = await readUploadToken(made, [SECRET]);

    expect(reading).toEqual({
      kind: 'valid',
      grant: { aceId: 'ä/1', maxBytes: 5, title: 'T', expiresAtMs: expect.any(Number) },
    });
  });

  it('needs ace_id and exp and nothing else', async () => {
    expect(await readUploadToken(token(CLAIMS), [SECRET])).toEqual({
      kind: 'valid',
      grant: { aceId: 'lesson-1', expiresAtMs: CLAIMS.exp * 1000 },
    });
  });

  it('takes the secret of before while it is given, and not afterwards', async () => {
    expect(await readUploadToken(token(CLAIMS), [OTHER, SECRET])).toMatchObject({ kind: 'valid' });
    expect(await readUploadToken(token(CLAIMS), [OTHER])).toMatchObject({ kind: 'invalid' });
    expect(await readUploadToken(token(CLAIMS), [])).toMatchObject({ kind: 'invalid' });
  });

  it('tells one that has expired from one that was never valid, by either secret', async () => {
    const expired = { ...CLAIMS, exp: NOW_S - 60 };

    expect(await readUploadToken(token(expired), [OTHER, SECRET])).toMatchObject({
      kind: 'expired',
      grant: { aceId: 'lesson-1' },
    });
    expect(await readUploadToken(token(expired, { secret: 'x'.repeat(40) }), [OTHER, SECRET])).toMatchObject({
      kind: 'invalid',
    });
  });

  it('forgives clocks that differ by some seconds', async () => {
    const early = { ...CLAIMS, nbf: NOW_S + 20 };
    const late = { ...CLAIMS, exp: NOW_S - 20 };

    expect(await readUploadToken(token(early), [SECRET])).toMatchObject({ kind: 'valid' });
    expect(await readUploadToken(token(late), [SECRET])).toMatchObject({ kind: 'valid' });
    expect(await readUploadToken(token({ ...CLAIMS, nbf: NOW_S + 90 }), [SECRET])).toEqual({
      kind: 'invalid',
      reason: 'it is not valid yet',
    });
  });

  it.each([
    ['no algorithm', token(CLAIMS, { header: { alg: 'none' } }).replace(/[^.]+$/, '')],
    ['no algorithm in capitals', token(CLAIMS, { header: { alg: 'NONE' } }).replace(/[^.]+$/, '')],
    ['no algorithm and our signature', token(CLAIMS, { header: { alg: 'none' } })],
    ['another HMAC', token(CLAIMS, { header: { alg: 'HS512' }, hash: 'sha512' })],
    ['a header that names another HMAC', token(CLAIMS, { header: { alg: 'HS384' } })],
    ['an algorithm of key pairs and the secret as its key', token(CLAIMS, { header: { alg: 'RS256' } })],
    ['an extension that must be understood', token(CLAIMS, { header: { crit: ['x'], x: 1 } })],
    ['a detached payload', token(CLAIMS, { header: { b64: false, crit: ['b64'] } })],
    ['the key beside it', token(CLAIMS, { header: { jwk: { kty: 'oct', k: 'AAAA' } }, secret: OTHER })],
    ['an empty secret', token(CLAIMS, { secret: '' })],
    ['another secret', token(CLAIMS, { secret: OTHER })],
    ['changed claims', token(CLAIMS).replace(/\.[^.]+\./, `.${encode({ ...CLAIMS, ace_id: 'lesson-2' })}.`)],
    ['no signature', token(CLAIMS).replace(/[^.]+$/, '')],
    ['four parts', `${token(CLAIMS)}.x`],
    ['claims that are a list', token([CLAIMS])],
    ['claims that are nothing', token(null)],
    ['nothing at all', ''],
    ['too much', `${token(CLAIMS)}${'A'.repeat(5000)}`],
  ])('refuses a token with %s', async (_name, text) => {
    expect(await readUploadToken(text, [SECRET])).toMatchObject({ kind: 'invalid' });
  });

  it('refuses a token that a key pair has signed', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const signed = `${encode({ alg: 'RS256' })}.${encode(CLAIMS)}`;
    const text = `${signed}.${sign('sha256', Buffer.from(signed), privateKey).toString('base64url')}`;

    expect(await readUploadToken(text, [SECRET])).toMatchObject({ kind: 'invalid' });
  });

  it.each([
    ['no ace_id', { exp: CLAIMS.exp }, 'ace_id'],
    ['an ace_id that is a number', { ...CLAIMS, ace_id: 4711 }, 'ace_id'],
    ['an empty ace_id', { ...CLAIMS, ace_id: ' ' }, 'ace_id'],
    ['a long ace_id', { ...CLAIMS, ace_id: 'a'.repeat(201) }, 'ace_id'],
    ['control characters in the ace_id', { ...CLAIMS, ace_id: 'a\nb' }, 'ace_id'],
    ['no exp', { ace_id: 'a' }, 'exp'],
    ['an exp that is a text', { ...CLAIMS, exp: String(CLAIMS.exp) }, 'exp'],
    ['an nbf that is a text', { ...CLAIMS, nbf: 'now' }, 'nbf'],
    ['max_bytes below nothing', { ...CLAIMS, max_bytes: -1 }, 'max_bytes'],
    ['max_bytes of zero', { ...CLAIMS, max_bytes: 0 }, 'max_bytes'],
    ['max_bytes that is a text', { ...CLAIMS, max_bytes: '5' }, 'max_bytes'],
    ['half a byte', { ...CLAIMS, max_bytes: 0.5 }, 'max_bytes'],
    ['a title that is a number', { ...CLAIMS, title: 5 }, 'title'],
    ['a long title', { ...CLAIMS, title: 't'.repeat(1001) }, 'title'],
  ])('says what is wrong with a token with %s', async (_name, claims, claim) => {
    expect(await readUploadToken(token(claims), [SECRET])).toEqual({
      kind: 'invalid',
      reason: expect.stringContaining(claim),
    });
  });

  it('refuses whatever it is sent that was not signed, and never throws', { timeout: 60_000 }, async () => {
    const base64 = fc.string({ unit: fc.constantFrom(...'ABCDwxyz0189-_=') });
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.tuple(base64, base64, base64).map((parts) => parts.join('.')),
      fc.tuple(fc.json(), fc.json(), base64).map(([header, claims, signature]) => {
        return `${Buffer.from(header).toString('base64url')}.${Buffer.from(claims).toString('base64url')}.${signature}`;
      }),
      fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })).map(([at, code]) => {
        const good = token(CLAIMS);
        const changed = `${good.slice(0, at % good.length)}${String.fromCharCode(code)}${good.slice((at % good.length) + 1)}`;
        return changed === good ? '' : changed;
      }),
    );
    await fc.assert(
      fc.asyncProperty(anything, async (text) => {
        const reading = await readUploadToken(text, [SECRET, OTHER]);
        // The last character of a signature carries bits that mean nothing.
        const isSameSignature = text.slice(0, -1) === token(CLAIMS).slice(0, -1);
        if (!isSameSignature) expect(reading.kind).toBe('invalid');
      }),
      { numRuns: 2000 },
    );
  });

  it('takes any claims that are signed for what they say, or refuses them, and never throws', {
    timeout: 60_000,
  }, async () => {
    const claims = fc.record(
      {
        ace_id: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
        exp: fc.oneof(fc.constant(CLAIMS.exp), fc.double(), fc.jsonValue()),
        nbf: fc.jsonValue(),
        max_bytes: fc.oneof(fc.integer(), fc.jsonValue()),
        title: fc.jsonValue(),
      },
      { requiredKeys: ['ace_id', 'exp'] },
    );
    await fc.assert(
      fc.asyncProperty(claims, async (given) => {
        const reading = await readUploadToken(token(given), [SECRET]);
        if (reading.kind === 'invalid') return;
        const { aceId, maxBytes } = reading.grant;
        expect(aceId).toBe(given.ace_id);
        expect(maxBytes ?? null).toBe(given.max_bytes ?? null);
      }),
      { numRuns: 2000 },
    );
  });
});
