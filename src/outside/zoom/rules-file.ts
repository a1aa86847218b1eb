import { z } from 'zod';
import { isTimeZone } from '../../domain/local-time.ts';
import { durationSeconds } from '../../lib/duration.ts';
import { parseYaml, readYamlFile } from '../../lib/yaml-file.ts';
import { COMPANIONS } from './files.ts';
import type { ZoomRule } from './rules.ts';
import { TEMPLATE_WORDS, unknownWords } from './titles.ts';

const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

const oneOrMore = <T extends z.ZodType>(entry: T) =>
  z.union([entry.transform((value) => [value]), z.array(entry).min(1)]);

const pattern = z.string().min(1).max(200);

const duration = z.union([z.string(), z.number()]).transform((value, context) => {
  const seconds = durationSeconds(String(value));
  if (seconds !== undefined) return seconds;
  context.addIssue({ code: 'custom', message: 'must be a duration such as 90, 90s, 10m or 1.5h' });
  return z.NEVER;
});

const weekdays = oneOrMore(z.string()).transform((entries, context) => {
  const days = new Set<number>();
  for (const entry of entries.flatMap((text) => text.split(','))) {
    const [from, to = from] = entry.trim().toLowerCase().split('-').map(toWeekday);
    if (from === undefined || from < 0 || to === undefined || to < 0) {
      context.addIssue({
        code: 'custom',
        message: `"${entry}" is no weekday: mon, tue, wed, thu, fri, sat, sun, or mon-fri`,
      });
      return z.NEVER;
    }
    for (let day = from; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === to) break;
    }
  }
  return [...days];
});

function toWeekday(text: string): number {
  return WEEKDAYS.findIndex((day) => text.trim().length >= 3 && text.trim().startsWith(day));
}

const timeWindow = z
  .string()
  .regex(/^\s*([01]\d|2[0-3]):[0-5]\d\s*-\s*(([01]\d|2[0-3]):[0-5]\d|24:00)\s*$/, {
    error: 'must be a window such as 08:30-10:00',
  })
  .transform((text) => {
    const [fromMinute = 0, toMinute = 0] = text.split('-').map((time) => {
      const [hours = 0, minutes = 0] = time.split(':').map(Number);
      return hours * 60 + minutes;
    });
    return { fromMinute, toMinute };
  });

const timezone = z.string().refine(isTimeZone, { error: 'is no time zone; name one such as Europe/London' });

const template = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .superRefine((text, context) => {
    for (const word of unknownWords(text)) {
      const words = TEMPLATE_WORDS.map((known) => `{${known}}`).join(', ');
      context.addIssue({ code: 'custom', message: `{${word}} is not known; there are ${words}` });
    }
  });

const folder = template.refine(
  (text) => /^[\p{L}\p{N}_{][\p{L}\p{N} ._{}/-]*$/u.test(text) && !/\.\.|\/\//.test(text),
  {
    error:
      'must be a path such as algebra/{year}: letters, digits, spaces, . _ - and single slashes, not at its beginning',
  },
);

const match = z.strictObject({
  host: oneOrMore(pattern).optional(),
  meeting_id: oneOrMore(
    z.union([z.string(), z.number()]).transform((value) => String(value).replaceAll(/[\s-]/g, '')),
  ).optional(),
  topic: oneOrMore(pattern).optional(),
  weekday: weekdays.optional(),
  time: timeWindow.optional(),
  min_duration: duration.optional(),
  max_duration: duration.optional(),
});

const set = z.strictObject({
  title: template.optional(),
  collection: template.optional(),
  folder: folder.optional(),
  ace_id: template.optional(),
  min_duration: duration.optional(),
  views: z
    .union([z.literal('all'), z.array(z.string().trim().min(1)).min(1)], { error: 'must be all, or a list' })
    .optional(),
  companions: z.array(z.enum(COMPANIONS)).optional(),
  recipe: z.string().trim().min(1).max(40).optional(),
  language: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, { error: 'must be a language such as en' })
    .optional(),
});

const ruleShape = z
  .strictObject({
    name: z.string().trim().min(1).max(100).optional(),
    timezone: timezone.optional(),
    match,
    ignore: z.literal(true, { error: 'can only be true' }).optional(),
    set: set.optional(),
  })
  .refine((rule) => (rule.ignore === undefined) !== (rule.set === undefined), {
    error: 'must have either "ignore: true" or "set"',
  });

const fileShape = z
  .strictObject({ timezone: timezone.optional(), rules: z.array(ruleShape).max(1000).default([]) })
  .nullable();

type RulesFile = z.infer<typeof fileShape>;

/** Reads the operator's rules. @throws KnownError `CONFIG_INVALID`, which lists every problem by its line */
export function readZoomRules(path: string): ZoomRule[] {
  return toRules(readYamlFile(path, fileShape));
}

/** As `readZoomRules`, of a text. */
export function parseZoomRules(text: string, name: string): ZoomRule[] {
  return toRules(parseYaml(text, name, fileShape));
}

function toRules(file: RulesFile): ZoomRule[] {
  return (file?.rules ?? []).map((rule, index) => {
    const { match: when, set: then } = rule;
    return {
      name: rule.name ?? `rule ${index + 1}`,
      timezone: rule.timezone ?? file?.timezone ?? null,
      conditions: {
        host: when.host,
        meetingId: when.meeting_id,
        topic: when.topic,
        weekday: when.weekday,
        time: when.time,
        minSeconds: when.min_duration,
        maxSeconds: when.max_duration,
      },
      action:
        then === undefined
          ? 'ignore'
          : {
              title: then.title,
              collection: then.collection,
              folder: then.folder,
              aceId: then.ace_id,
              minSeconds: then.min_duration,
              views: then.views,
              companions: then.companions,
              language: then.language,
              recipe: then.recipe,
            },
    };
  });
}
