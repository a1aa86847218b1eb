import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldText, searchPieces, searchText } from '../../../src/ledger/search-text.ts';

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

  it('finds by the path of a file of the server, and by the name of an upload, whose path is ours', () => {
    const origin = {
      kind: 'file',
      path: '/srv/videos/Take 2.mp4',
      bytes: 1,
      modifiedAtMs: 1,
      keep: true,
    } as const;
    const fields = { id: 'rec_1', title: 'A', aceId: null, origin, details: { filename: 'Übung.mp4' } };

    expect(searchText({ ...fields, source: 'custom' })).toBe('a\nrec_1\n/srv/videos/take 2.mp4');
    expect(searchText({ ...fields, source: 'manual' })).toBe('a\nrec_1\nubung.mp4');
  });

  it.each<[string, string, string[]]>([
    ['words, the longest first', 'a Algebra ab', ['algebra', 'ab', 'a']],
    ['a word once', 'Übung ubung', ['ubung']],
    ['what is quoted as it stands there', '„Linear  Algebra“ 2', ['linear algebra', '2']],
    ['a quote that does not end', 'say "hello', ['hello', 'say']],
    ['words without the commas between them', 'Meyer, Anna; C++', ['meyer', 'anna', 'c++']],
    ['words and not the dash between them', 'Algebra – 2', ['algebra', '2']],
    ['signs, where there is nothing else', ' % ', ['%']],
    ['nothing, where there is nothing', '  ', []],
  ])('looks for %s', (_what, typed, pieces) => {
    expect(searchPieces(typed)).toEqual(pieces);
  });

  it('looks for no more than a dozen words', () => {
    expect(searchPieces(Array.from({ length: 50 }, (_, n) => `w${n}`).join(' '))).toHaveLength(12);
  });

  it('is folded once and for all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(foldText(foldText(text))).toBe(foldText(text));
      }),
    );
  });
});
