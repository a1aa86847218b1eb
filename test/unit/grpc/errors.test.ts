import { Code } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { KnownError } from '../../../src/domain/errors.ts';
import { toConnectError } from '../../../src/grpc/errors.ts';

describe('an error of a call', () => {
  it('V21 that nobody foresaw is 1000, and tells nothing of itself', () => {
    const error = toConnectError(new TypeError('secret is undefined'));
    expect([error.code, error.metadata.get('error-code')]).toEqual([Code.Internal, '1000']);
    expect(error.rawMessage).not.toContain('secret');
  });

  it.each([
    ['REQUEST_INVALID', Code.InvalidArgument],
    ['NOT_FOUND', Code.NotFound],
    ['LOGIN_REQUIRED', Code.Unauthenticated],
    ['READ_ONLY', Code.PermissionDenied],
    ['TOO_MANY_LISTENERS', Code.ResourceExhausted],
    ['LEDGER_AWAY', Code.Unavailable],
  ] as const)('%s is said by its own code, without a number', (code, expected) => {
    const error = toConnectError(new KnownError('words', { code, retry: { waitMs: 1 } }));
    expect([error.code, error.metadata.get('error-code'), error.rawMessage]).toEqual([
      expected,
      null,
      'words',
    ]);
  });

  it('of the system speaks of this machine: asked again, it may be well', () => {
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    expect(toConnectError(full).code).toBe(Code.Unavailable);
  });
});
