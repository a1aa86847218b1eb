import { describe, expect, it } from 'vitest';
import { diskLow, recordingFailed, serviceDown, writeMessage } from '../../../src/desk/alarm-words.ts';
import { causeOf } from '../../../src/domain/cause.ts';
import type { ErrorCode } from '../../../src/domain/error-catalogue.ts';
import type { Recording } from '../../../src/domain/recording.ts';
import type { Alarm } from '../../../src/ledger/alarms.ts';
import { SERVICES } from '../../../src/outside/words.ts';

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

    expect(serviceDown({ ...circuit, lastError }, 3_600_000, SERVICES).advice).toMatch(
      /B2_APPLICATION_KEY.*go on once/,
    );
  });

  it('count bytes as everything else does', () => {
    expect(diskLow(1_500_000_000, 2_000_000_000).title).toContain('1.5 GB');
  });

  it('tell recordings that failed for one cause as one piece of news, with their number', () => {
    const error = { code: 'REMOTE_REJECTED', message: 'Backblaze B2 says no to "x" (12)' } as const;
    const alarms = ['a', 'b', 'c'].map((title, id) => ({
      ...recordingFailed({ id: `rec_${title}`, title } as Recording, error),
      id,
      raisedAtMs: 0,
      resolvedAtMs: null,
      resolution: null,
    })) as unknown as Alarm[];
    const news = { raised: alarms, resolved: [], knownCauses: new Set<string>() };

    const { subject, body } = writeMessage(news, 'https://sluice.example');
    expect(subject).toBe('Sluice: 3 recordings have failed for one cause');
    expect(body).toContain('\n  - "b" has failed (rec_b)\n');
    expect(body.match(/What to do/g)).toHaveLength(1);
    expect(body).toContain('https://sluice.example/recordings?state=failed');

    const known = writeMessage({ ...news, knownCauses: new Set([causeOf(error)]) }, undefined);
    expect(known.subject).toBe('Sluice: 3 more recordings have failed for the same cause');

    const ended = alarms.map((alarm) => ({ ...alarm, resolvedAtMs: 1, resolution: 'It was told to go on.' }));
    expect(writeMessage({ ...news, raised: [], resolved: ended }, undefined).subject).toBe(
      'Sluice: Resolved: 3 recordings that had failed for one cause',
    );
  });
});

describe('the cause of an error', () => {
  it('is the same whichever recording met it, and another for another service', () => {
    const b2 = (name: string) =>
      causeOf({ code: 'REMOTE_REJECTED', message: `B2 refused "${name}" at https://x/${name}` });

    expect(b2('a')).toBe(b2('b'));
    expect(causeOf({ code: 'SOURCE_GONE', message: '/srv/a.mp4 is gone' })).toBe(
      causeOf({ code: 'SOURCE_GONE', message: '/srv/b.mp4 is gone' }),
    );
    expect(b2('a')).not.toBe(causeOf({ code: 'REMOTE_REJECTED', message: 'Bunny refused "a"' }));
  });
});
