import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldText, searchText } from '../../../src/ledger/search-text.ts';

describe('what people type', () => {
  it.each([
    ['a decomposed name', 'U\u0308bung Fu\u0308nf', 'übung fünf'],
    ['a name without its accents', 'Élève à Orléans', 'eleve a orleans'],
    ['letters that have no accent, and are typed plain', 'Søren i Łódź, Đorđe', 'soren i lodz, dorde'],
    ['a sharp s', 'GROẞE Straße', 'grosse strasse'],
    ['a dotted capital I', 'İSTANBUL', 'istanbul'],
    ['a capital of an i without a dot', 'ISPARTA', 'ısparta'],
    ['Greek with its final sigma', 'ΟΔΟΣ', 'οδός'],
    ['wide letters and digits', 'ＡＢＣ１２', 'abc12'],
    ['half-width kana', 'ｶﾞｸｼｭｳ', 'ガクシュウ'],
    ['a part of a name without blanks', '代数第二组', '第二'],
    ['a part of a Korean name', '수학 강의', '강의'],
    ['an apostrophe and a dash of a text processor', 'Noether’s theorem – part', "noether's theorem - part"],
    ['a blank that does not break', 'Algebra\u00a01', 'algebra 1'],
    ['a word with a joint that nobody sees', 'Al\u00adge\u200bbra', 'algebra'],
    ['Hebrew with its points', 'שָׁלוֹם', 'שלום'],
    ['a ligature', 'ﬁnal', 'final'],
  ])('finds %s', (_name, title, typed) => {
    const text = searchText({ id: 'rec_1', title, aceId: null, details: {} });

    expect(text).toContain(foldText(typed));
    expect(text).toContain(foldText(title));
  });

  it('does not find another vowel of a script whose vowels are marks', () => {
    expect(foldText('कि')).not.toBe(foldText('का'));
    expect(foldText('が')).not.toBe(foldText('か'));
  });

  it('keeps what it looks through on lines of their own', () => {
    const details = { meeting_id: 7, meeting_uuid: 'Ab+/==' };

    expect(searchText({ id: 'rec_1', title: 'A\nB', aceId: 'ace', details }).split('\n')).toEqual([
      'a b',
      'ace',
      '7',
      'ab+/==',
      'rec_1',
    ]);
  });

  it('is folded once and for all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(foldText(foldText(text))).toBe(foldText(text));
      }),
    );
  });
});
