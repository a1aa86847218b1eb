import fc from 'fast-check';
import { failedBody } from '../../src/domain/announcement.ts';
import { KnownError } from '../../src/domain/errors.ts';
import { matchesGlob } from '../../src/domain/glob.ts';
import { archiveName, cleanTitle } from '../../src/domain/names.ts';
import type { Recording } from '../../src/domain/recording.ts';
import { retryAfterMs } from '../../src/lib/headers.ts';
import { encodeFileName } from '../../src/outside/b2/client.ts';
import { readRecordingEvent } from '../../src/outside/zoom/event.ts';
import { DEFAULT_VIEWS } from '../../src/outside/zoom/files.ts';
import { planMeeting } from '../../src/outside/zoom/plan.ts';
import { parseZoomRules } from '../../src/outside/zoom/rules-file.ts';
import { broken, hostileJson, hostileText, zoomEvent } from './hostile.ts';
import type { Fuzz } from './properties.ts';

const DEFAULTS = {
  views: DEFAULT_VIEWS,
  companions: ['transcript', 'chat'],
  language: 'en',
  delayMs: 0,
} as const;
const ID = 'rec_0123456789abcdef01234567';

/** Of the whole matching of one meeting with all rules; a pattern that takes exponential time takes hours. */
const MAX_PLANNING_MS = 2000;

function requireSafeName(name: string): void {
  const segments = name.split('/');
  const isSafe =
    segments.every(
      (part) => part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= 250,
    ) &&
    Buffer.byteLength(name) <= 1024 &&
    !/[\p{Cc}\p{Cs}\\]/u.test(name);
  if (!isSafe) throw new Error(`no name for the archive: ${JSON.stringify(name)}`);
  if (!/^[\x21-\x7e]+$/.test(encodeFileName(name))) throw new Error(`no header: ${encodeFileName(name)}`);
}

function requireTitle(title: string): void {
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(title) || title.length > 500)
    throw new Error(`no title: ${JSON.stringify(title)}`);
}

const template = fc
  .array(
    fc.oneof(
      fc.constantFrom('{topic}', '{year}', '{host}', '{view}', '{part}', '/', '-', 'a', '..'),
      hostileText,
    ),
    {
      maxLength: 4,
    },
  )
  .map((parts) => parts.join('').slice(0, 250));

const rulesFile = broken({
  timezone: fc.oneof(fc.constantFrom('Europe/London', 'UTC'), hostileText),
  rules: fc.array(
    broken({
      name: hostileText,
      match: broken({
        host: hostileText,
        topic: fc.oneof(hostileText, fc.constant('*a*a*a*a*a*a*b')),
        meeting_id: fc.nat(),
        weekday: fc.constantFrom('mon', 'mon-fri', 'sat-mon', 'x'),
        time: fc.constantFrom('08:00-10:00', '23:00-01:00', '25:00-26:00'),
        min_duration: fc.constantFrom('10m', 5, '-1'),
      }),
      set: broken({
        title: template,
        folder: template,
        collection: template,
        ace_id: template,
        language: hostileText,
      }),
    }),
    { maxLength: 3 },
  ),
});

/** The rules in a text, or undefined where the text is refused as it should be. */
function rulesIn(text: string) {
  try {
    return parseZoomRules(text, 'zoom-rules.yaml');
  } catch (error) {
    if (error instanceof KnownError && error.code === 'CONFIG_INVALID') return undefined;
    throw error;
  }
}

export const TEXT_FUZZES: readonly Fuzz[] = [
  {
    name: 'a title of any content makes a safe name, title and announcement',
    share: 0.25,
    property: () =>
      fc.property(hostileText, hostileText, (title, aceId) => {
        requireSafeName(archiveName({ id: ID, source: 'manual', title, acceptedAtMs: 0, extension: 'mp4' }));
        requireTitle(cleanTitle(title));
        const recording = {
          id: ID,
          source: 'manual',
          aceId,
          title,
          details: { filename: title },
        } as unknown as Recording;
        const error = { code: 'NOT_MEDIA', message: title } as const;
        const text = failedBody({ recording, error, nowMs: 0 });
        const { data } = JSON.parse(text);
        if (data.title !== title || data.ace_id !== aceId || /[\r\n]/.test(text)) throw new Error(text);
      }),
  },
  {
    name: 'rules of any content are read or refused',
    share: 0.15,
    property: () =>
      fc.property(
        fc.oneof(
          hostileText,
          hostileJson.map((value) => JSON.stringify(value)),
          rulesFile.map((value) => JSON.stringify(value)),
        ),
        (text) => void rulesIn(text),
      ),
  },
  {
    name: 'a meeting of any content is planned by any rules, and soon',
    share: 0.15,
    property: () =>
      fc.property(zoomEvent, rulesFile, (event, rules) => {
        const read = readRecordingEvent(JSON.parse(JSON.stringify(event)));
        if (read.problem !== undefined) return;
        const { announcement } = read;
        const startedMs = performance.now();
        const nowMs = Date.now();
        const parsed = rulesIn(JSON.stringify(rules)) ?? [];
        const { choices } = planMeeting({
          announcement,
          rules: parsed,
          defaults: DEFAULTS,
          known: [],
          nowMs,
        });
        if (performance.now() - startedMs > MAX_PLANNING_MS) throw new Error('that took too long');
        for (const { recording } of choices) {
          if (recording === undefined) continue;
          requireTitle(recording.title);
          requireSafeName(archiveName({ ...recording, id: ID, acceptedAtMs: nowMs, extension: 'mp4' }));
        }
      }),
  },
  {
    name: 'patterns and headers of any content are read',
    share: 0.05,
    property: () =>
      fc.property(hostileText, hostileText, (one, other) => {
        matchesGlob(one, other);
        const waitMs = retryAfterMs(one, 0);
        if (waitMs !== undefined && !(waitMs >= 0)) throw new Error(`${waitMs}`);
      }),
  },
];
