import { describe, expect, it } from 'vitest';
import { KnownError, type Retry } from '../../../src/domain/errors.ts';
import { retryInPlace } from '../../../src/tasks/support/retry-in-place.ts';

const quick = { attempts: 4, pauseMs: 1 };
const never = new AbortController().signal;

function failure(retry: Retry) {
  return new KnownError('no', { code: 'REMOTE_UNAVAILABLE', retry });
}

/** A step that fails with each of these in turn and then succeeds; says how often it was tried. */
function failing(...errors: readonly unknown[]) {
  let tried = 0;
  const step = async (attempt: number) => {
    tried += 1;
    expect(attempt).toBe(tried);
    if (tried <= errors.length) throw errors[tried - 1];
    return 'done';
  };
  return { step, tried: () => tried };
}

describe('retryInPlace', () => {
  it('tries again until it succeeds', async () => {
    const { step, tried } = failing(failure('backoff'), failure({ afterMs: 1 }));

    await expect(retryInPlace(quick, never, step)).resolves.toBe('done');
    expect(tried()).toBe(3);
  });

  it('gives up with the last error after as many attempts as are allowed', async () => {
    const errors = [1, 2, 3, 4].map(() => failure('backoff'));
    const { step, tried } = failing(...errors);

    await expect(retryInPlace(quick, never, step)).rejects.toBe(errors[3]);
    expect(tried()).toBe(4);
  });

  it.each([
    ['what never heals', failure('never')],
    ['what asks for a longer wait than fits', failure({ afterMs: 60_001 })],
    ['what nobody foresaw', new Error('bug')],
  ])('leaves %s to the line', async (_name, error) => {
    const { step, tried } = failing(error);

    await expect(retryInPlace(quick, never, step)).rejects.toBe(error);
    expect(tried()).toBe(1);
  });

  it('ends its pause with the reason of the signal', async () => {
    const stopping = new AbortController();
    const { step, tried } = failing(failure({ afterMs: 59_000 }));

    const retried = retryInPlace(quick, stopping.signal, step);
    stopping.abort(new Error('shutdown'));

    await expect(retried).rejects.toThrow('shutdown');
    expect(tried()).toBe(1);
  });
});
