import english from './messages/en.json' with { type: 'json' };

/** Of what there is more than one: a text per plural form of the language, chosen by `count`. */
type Plural = Readonly<Partial<Record<Intl.LDMLPluralRule, string>>>;

export type MessageKey = keyof typeof english;
export type Messages = Readonly<Partial<Record<MessageKey, string | Plural>>>;

/** What is put into a message; sizes and times are written as the language writes them. */
export type Value = string | number | { readonly bytes: number } | { readonly at: number };

/** Something to be said, in whatever language the page is in by then. */
export interface Message {
  readonly key: MessageKey;
  readonly values?: Readonly<Record<string, Value>>;
}

/** The page's language: its messages, and its way of writing numbers and times. */
export interface Words {
  /** As `<html lang>` wants it. */
  readonly language: string;
  readonly direction: 'ltr' | 'rtl';
  say(key: MessageKey, values?: Message['values']): string;
  tell(message: Message): string;
  bytes(bytes: number): string;
  perSecond(bytes: number): string;
  percent(share: number): string;
  /** Time left, no more exact than anybody can know it. */
  left(seconds: number): string;
  time(atMs: number): string;
}

const BYTE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
const RIGHT_TO_LEFT: ReadonlySet<string> = new Set('ar arc ckb dv fa he ps sd ug ur yi'.split(' '));

/**
 * @param locale Such as `en-GB`: whose numbers and times they are
 * @param messages What is missing is said in English
 */
export function createWords(language: string, messages: Messages, locale = language): Words {
  const plural = new Intl.PluralRules(language);
  const number = (value: number, options: Intl.NumberFormatOptions = {}) =>
    new Intl.NumberFormat(locale, options).format(value);
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });

  function size(bytes: number, per = ''): string {
    let value = bytes;
    let index = 0;
    while (value >= 999.5 && index < BYTE_UNITS.length - 1) {
      value /= 1000;
      index += 1;
    }
    const maximumFractionDigits = index === 0 || value >= 100 ? 0 : 1;
    return number(value, { style: 'unit', unit: `${BYTE_UNITS[index]}${per}`, maximumFractionDigits });
  }

  function write(value: Value): string {
    if (typeof value === 'number') return number(value);
    if (typeof value === 'string') return value;
    return 'bytes' in value ? size(value.bytes) : moment.format(value.at);
  }

  function say(key: MessageKey, values: Message['values'] = {}): string {
    const message: string | Plural = messages[key] ?? english[key];
    const count = Number(values['count'] ?? 0);
    const text =
      typeof message === 'string' ? message : (message[plural.select(count)] ?? message.other ?? '');
    return text.replace(/\{(\w+)\}/g, (all, name: string) => {
      const value = values[name];
      return value === undefined ? all : write(value);
    });
  }

  function span(seconds: number): string {
    const unit = (value: number, name: string) => number(value, { style: 'unit', unit: name });
    if (seconds < 60) return unit(Math.ceil(seconds / 10) * 10, 'second');
    const minutes = Math.ceil(seconds / 60);
    const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
    if (hours === 0) return unit(minutes, 'minute');
    return rest === 0 ? unit(hours, 'hour') : `${unit(hours, 'hour')} ${unit(rest, 'minute')}`;
  }

  return {
    language,
    direction: RIGHT_TO_LEFT.has(language.split('-')[0] ?? '') ? 'rtl' : 'ltr',
    say,
    tell: ({ key, values }) => say(key, values),
    bytes: (bytes) => size(bytes),
    perSecond: (bytes) => size(bytes, '-per-second'),
    percent: (share) => number(Math.floor(share * 100) / 100, { style: 'percent' }),
    left: (seconds) => (seconds < 10 ? say('left.soon') : say('left.time', { time: span(seconds) })),
    time: (atMs) => moment.format(atMs),
  };
}

/**
 * The language of the page among those that there are: the one that the link asks for, else the first that the browser
 * wants, else English.
 */
export function pickLanguage(
  asked: string | undefined,
  wanted: readonly string[],
  offered: readonly string[],
): string {
  for (const tag of [asked, ...wanted]) {
    const parts = tag?.toLowerCase().split(/[-_]/) ?? [];
    for (let length = parts.length; length > 0; length -= 1) {
      const found = offered.find((each) => each.toLowerCase() === parts.slice(0, length).join('-'));
      if (found !== undefined) return found;
    }
  }
  return 'en';
}
