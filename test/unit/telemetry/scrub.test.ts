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

  it('keeps all else, and stays JSON', () => {
    const line = '{"level":"info","msg":"stage done","ms":12,"path":"/api/recordings","key":"a"}';

    expect(createScrub(['another-secret', 'a'])(line)).toBe(line);
  });

  it('loses both of two secrets of which one begins with the other', () => {
    expect(createScrub(['secret-one', 'secret-one-and-more'])('secret-one-and-more secret-one')).toBe(
      '[secret] [secret]',
    );
  });
});
