import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createWords, type Messages, pickLanguage } from '../../../web/upload/words.ts';

const FOLDER = join(import.meta.dirname, '../../../web/upload/messages');
const LANGUAGES = readdirSync(FOLDER).map((name) => name.replace('.json', ''));
const read = (language: string): Messages =>
  JSON.parse(readFileSync(join(FOLDER, `${language}.json`), 'utf8'));

const textsOf = (message: Messages[keyof Messages]) =>
  typeof message === 'string' ? [message] : Object.values(message ?? {});
const blanksOf = (message: Messages[keyof Messages]) =>
  textsOf(message).map((text) => (text.match(/\{\w+\}/g) ?? []).sort());

describe.each(LANGUAGES)('the messages in %s', (language) => {
  const [english, messages] = [read('en'), read(language)];

  it('are all there, and no others', () => {
    expect(Object.keys(messages).sort()).toEqual(Object.keys(english).sort());
    expect(Object.values(messages).flatMap(textsOf)).not.toContain('');
  });

  it('have the blanks of the English ones', () => {
    for (const key of Object.keys(english) as (keyof Messages)[]) {
      const [wanted] = blanksOf(english[key]).slice(-1);
      // A plural form may spare its number.
      const isPlural = typeof english[key] !== 'string';
      for (const blanks of blanksOf(messages[key])) {
        if (!isPlural || blanks.length > 0) expect(blanks, key).toEqual(wanted);
      }
    }
  });

  it('have every plural form of the language', () => {
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const message of Object.values(messages)) {
      if (typeof message !== 'string')
        expect(Object.keys(message ?? {})).toEqual(expect.arrayContaining(forms));
    }
  });

  it('name nothing that only programs know', () => {
    expect(JSON.stringify(Object.values(messages))).not.toMatch(/ace_id|UPLOAD_|\btus\b|token/i);
  });
});

describe('what is said', () => {
  const german = createWords('de', read('de'), 'de-DE');
  const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, ' ');

  it('has numbers, sizes and times as the language writes them', () => {
    expect(
      plain(german.say('problem.tooLarge', { name: 'a', size: { bytes: 5.25e9 }, limit: { bytes: 1e9 } })),
    ).toBe('a hat 5,3 GB: Höchstens 1 GB können hier hochgeladen werden.');
    expect(plain(german.percent(0.239))).toBe('23 %');
    expect(plain(german.perSecond(2_500_000))).toBe('2,5 MB/s');
    expect(german.say('note.before', { time: { at: Date.UTC(2026, 10, 24, 12) }, title: 'x' })).toContain(
      '24.11.2026',
    );
  });

  it('chooses the plural form by the count', () => {
    expect(german.say('button.upload', { count: 1 })).toBe('Hochladen');
    expect(german.say('button.upload', { count: 1200 })).toBe('1.200 Dateien hochladen');
  });

  it.each([
    [4, 'a few seconds left'],
    [31, '40 sec left'],
    [150, '3 min left'],
    [3600, '1 hr left'],
    [7300, '2 hr 2 min left'],
  ])('tells of %d seconds no more than anybody can know: %s', (seconds, words) => {
    expect(createWords('en', read('en')).left(seconds)).toBe(words);
  });

  it('is English where a message is missing', () => {
    expect(createWords('fr', {}).say('button.pause')).toBe('Pause');
  });

  it('puts a value in as it is, whatever it looks like', () => {
    expect(german.say('problem.empty', { name: '$& {size} <b>' })).toBe('$& {size} <b> ist leer.');
  });

  it('runs from right to left where the script does', () => {
    expect([createWords('ar', {}).direction, german.direction]).toEqual(['rtl', 'ltr']);
  });
});

describe('the language of the page', () => {
  it.each([
    ['si', ['de-DE'], 'si'],
    ['SI-lk', ['de-DE'], 'si'],
    [undefined, ['fr', 'de-AT', 'en'], 'de'],
    ['fr', ['de-AT'], 'de'],
    ['../../x', [], 'en'],
    [undefined, [], 'en'],
  ])('with %s asked for and %j wanted is %s', (asked, wanted, expected) => {
    expect(pickLanguage(asked, wanted, ['de', 'en', 'si'])).toBe(expected);
  });
});
