import type { LocalTime } from '../../domain/local-time.ts';
import { cleanTitle, slug } from '../../domain/names.ts';

/** What a rule's template may name in braces. */
export const TEMPLATE_WORDS = [
  'topic',
  'date',
  'year',
  'time',
  'part',
  'parts',
  'view',
  'host',
  'meeting_id',
] as const;
export type TemplateWord = (typeof TEMPLATE_WORDS)[number];

export type TemplateValues = Readonly<Record<TemplateWord, string>>;

/** What can be said of one file of a meeting in a template. */
export function templateValues(input: {
  readonly topic: string;
  readonly hostEmail: string | null;
  readonly meetingNumber: string;
  readonly begins: LocalTime | undefined;
  readonly part: number;
  readonly parts: number;
  readonly view: string;
}): TemplateValues {
  const { begins } = input;
  return {
    topic: cleanTitle(input.topic) || 'Zoom recording',
    date: begins?.date ?? '',
    year: begins?.date.slice(0, 4) ?? '',
    time: begins?.time ?? '',
    part: String(input.part),
    parts: String(input.parts),
    view: input.view.replaceAll('_', ' '),
    host: input.hostEmail ?? '',
    meeting_id: input.meetingNumber,
  };
}

/** Whether a template names a word. */
function names(template: string, word: TemplateWord): boolean {
  return template.includes(`{${word}}`);
}

/** The words in braces that no template may name. */
export function unknownWords(template: string): string[] {
  const words: readonly string[] = TEMPLATE_WORDS;
  return [...template.matchAll(/\{([^{}]*)\}/g)]
    .map(([, word]) => word ?? '')
    .filter((w) => !words.includes(w));
}

/**
 * A title by its template. Which part it is of how many, and which of several views, is appended unless the template
 * says it: no two recordings of one meeting have the same title.
 */
export function titleFrom(template: string, values: TemplateValues, isOneOfSeveralViews: boolean): string {
  const title = cleanTitle(fill(template, values)) || values.topic;
  const more = [
    ...(values.parts !== '1' && !names(template, 'part') ? [`part ${values.part} of ${values.parts}`] : []),
    ...(isOneOfSeveralViews && !names(template, 'view') ? [values.view] : []),
  ];
  return more.length === 0 ? title : `${shorten(title, 180)} (${more.join(', ')})`;
}

/** An `ace_id` by its template, one for each part and view, whether the template tells them apart or not. */
export function aceIdFrom(template: string, values: TemplateValues, isOneOfSeveralViews: boolean): string {
  const more = [
    ...(values.parts !== '1' && !names(template, 'part') ? [`-part-${values.part}`] : []),
    ...(isOneOfSeveralViews && !names(template, 'view') ? [`-${slug(values.view)}`] : []),
  ];
  const base = fill(template, values).replace(/[\p{Cc}\p{Cs}]/gu, '');
  return `${shorten(base, 120)}${more.join('')}`;
}

/** A folder of the archive by its template; what is filled in adds no folders of its own. */
export function folderFrom(template: string, values: TemplateValues): string {
  const slugs = Object.fromEntries(Object.entries(values).map(([word, value]) => [word, slug(value)]));
  return fill(template, { ...values, ...slugs })
    .split('/')
    .filter(Boolean)
    .join('/');
}

/** At most so many characters, none of them halved. */
function shorten(text: string, length: number): string {
  return Array.from(text).slice(0, length).join('').trimEnd();
}

/** The name of a collection by its template. */
export function collectionFrom(template: string, values: TemplateValues): string {
  return cleanTitle(fill(template, values));
}

function fill(template: string, values: TemplateValues): string {
  return template.replace(/\{(\w+)\}/g, (whole, word) => values[word as TemplateWord] ?? whole);
}
