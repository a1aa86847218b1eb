import { describe, expect, it } from 'vitest';
import { createScrub } from '../../../src/telemetry/scrub.ts';

describe('a log line', () => {
  it.each([
    [
      'in an address',
      'https://zoom.us/rec?x=1&access_token=abc.def&y=2',
      'https://zoom.us/rec?x=1&access_token=[secret]&y=2',
    ],
    ['at the end of an address', '"https://a.b/?signature=0a1b"', '"https://a.b/?signature=[secret]"'],
    ['in a header', 'authorization: Bearer abc.def-123', 'authorization: Bearer [secret]'],
  ])('loses what opens something %s', (_name, line, scrubbed) => {
    expect(createScrub()(line)).toBe(scrubbed);
  });

  it.each([
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'pa"ss\\word',
    'with spaces & signs?',
    'K005/abc+def==',
    '$&$1$`x',
  ])('loses the secret %s of this installation, also as JSON and as addresses write it', (secret) => {
    const line = JSON.stringify({
      msg: `refused: ${secret}!`,
      url: `https://a.b/${encodeURIComponent(secret)}/x`,
    });

    expect(JSON.parse(createScrub([secret])(line))).toEqual({
      msg: 'refused: [secret]!',
      url: 'https://a.b/[secret]/x',
    });
  });

  it.each<[string, (secret: string) => string]>([
    ['in base64', (secret) => btoa(secret)],
    ['in a Basic header, behind a name', (secret) => btoa(`key-id:${secret}`)],
    ['in a Basic header, behind a longer name', (secret) => btoa(`key-id-2:${secret}`)],
    ['in the login of a mail server', (secret) => btoa(`\0a@example.org\0${secret}`)],
    ['in base64 of addresses', (secret) => Buffer.from(`x:${secret}:y`).toString('base64url')],
    [
      'percent-encoded in small letters',
      (secret) => encodeURIComponent(secret).toLowerCase().replace('p', 'p'),
    ],
    [
      'percent-encoded throughout',
      (secret) => [...Buffer.from(secret)].map((b) => `%${b.toString(16)}`).join(''),
    ],
    ['as a form has it', (secret) => String(new URLSearchParams({ x: secret })).slice(2)],
    ['in JSON inside JSON', (secret) => JSON.stringify(JSON.stringify({ secret }))],
  ])('loses a secret %s', (_name, write) => {
    for (const secret of ['pa/ss+word=of&mail', 'k005 abc"def', 'lower-case-secret~1']) {
      const line = `before ${write(secret)} after`;

      const scrubbed = createScrub([secret])(line);

      expect(scrubbed).toMatch(/^before .*\[secret\].* after$/);
      for (const part of [secret, btoa(secret).slice(4, -4), encodeURIComponent(secret)]) {
        expect(scrubbed).not.toContain(part);
      }
    }
  });

  it('loses the password of any address, also of one that it does not know', () => {
    const line =
      'connect redis://:p%40ss@10.0.0.1:6379, smtp://a%40b.c:word@mail.example:587 and https://u:p@x.example/y';

    expect(createScrub()(line)).toBe(
      'connect redis://:[secret]@10.0.0.1:6379, smtp://a%40b.c:[secret]@mail.example:587 and https://u:[secret]@x.example/y',
    );
  });

  it.each([
    ['s', '{"msg":"messages","key":"s"}', '{"msg":"messages","key":"[secret]"}'],
    ['a', 'a message about a', 'a message about a'],
    ['key', 'the key of monkeys, "key"', 'the [secret] of monkeys, "[secret]"'],
    ['pass1', 'pass1 pass12 xpass1 pass1.', '[secret] pass12 xpass1 [secret].'],
  ])('loses the short secret %s as a word or a field, and no letters of others', (secret, line, scrubbed) => {
    expect(createScrub([secret])(line)).toBe(scrubbed);
  });

  it('keeps all else, and stays JSON', () => {
    const line = '{"level":"info","msg":"stage done","ms":12,"path":"/api/recordings","key":"b"}';

    expect(createScrub(['another-secret', 'a'])(line)).toBe(line);
  });

  it('loses both of two secrets of which one begins with the other', () => {
    expect(createScrub(['secret-one', 'secret-one-and-more'])('secret-one-and-more secret-one')).toBe(
      '[secret] [secret]',
    );
  });
});
