import { afterEach, describe, expect, it } from 'vitest';
import { KnownError, scrubSummaries, summarize } from '../../../src/domain/errors.ts';
import { createScrub } from '../../../src/telemetry/scrub.ts';

describe('what is kept and shown of an error', () => {
  afterEach(() => scrubSummaries((text) => text));

  it('has none of the secrets that its message repeats, whoever wrote it', () => {
    scrubSummaries(createScrub(['mail-password']));
    const basic = btoa('user:mail-password');

    expect(summarize(new KnownError('refused mail-password', { code: 'REMOTE_UNAVAILABLE' }))).toEqual({
      code: 'REMOTE_UNAVAILABLE',
      message: 'refused [secret]',
    });
    expect(summarize(new Error(`535 ${basic}`)).message).not.toContain(basic.slice(8));
    expect(summarize('connect redis://:other@h:1').message).toBe('connect redis://:[secret]@h:1');
  });
});
