import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/domain/error-catalogue.ts';
import type { Recording } from '../../../src/domain/recording.ts';
import { diskLow, recordingFailed, serviceDown } from '../../../src/queue/alarm-words.ts';

const algebra = { id: 'rec_1', title: 'Algebra' } as Recording;
const adviceOf = (code: ErrorCode) => recordingFailed(algebra, { code, message: 'no' }).advice;

describe('the words of an alarm', () => {
  it('do not promise that something is tried again that has failed for good', () => {
    expect(adviceOf('REMOTE_UNAVAILABLE')).toBe(
      'Try it again once the service answers: sluice doctor says whether it does. If nobody needs it, cancel it.',
    );
    expect(adviceOf('SOURCE_GONE')).toBe(
      'Put the file back where it was and try it again, or hand it over again. If nobody needs it, cancel it.',
    );
  });

  it('send to the host for what no attempt can bring', () => {
    expect(adviceOf('ZOOM_DELETED')).toMatch(/^Ask its host for a copy.* trying it again cannot help\.$/);
  });

  it('name the setting of the service that is down', () => {
    const circuit = { service: 'b2', failures: 3, openUntilMs: 0, openedAtMs: 0 } as const;
    const lastError = { code: 'REMOTE_UNAUTHORIZED', message: 'bad key' } as const;

    expect(serviceDown({ ...circuit, lastError }, 3_600_000).advice).toMatch(
      /B2_APPLICATION_KEY.*go on once/,
    );
  });

  it('count bytes as everything else does', () => {
    expect(diskLow(1_500_000_000, 2_000_000_000).title).toContain('1.5 GB');
  });
});
