import type { Recording } from '../domain/recording.ts';

/** What searches for a recording look through, folded: a line each for its title and the ids that people know. */
export function searchText(recording: Pick<Recording, 'id' | 'title' | 'aceId' | 'details'>): string {
  const { id, title, aceId, details } = recording;
  return [title, aceId, details['meeting_id'], details['meeting_uuid'], id]
    .filter((field) => field !== undefined && field !== null)
    .map((field) => foldText(String(field)))
    .join('\n');
}

/** Accents of Latin, Greek and Cyrillic, and the points of Hebrew and Arabic; the vowels of other scripts are letters. */
const MARKS = new RegExp(
  [
    /[\u0300-\u036f]/,
    /[\u0483-\u0487]/,
    /[\u0591-\u05bd]|\u05bf|[\u05c1\u05c2]|[\u05c4\u05c5]|\u05c7/,
    /[\u064b-\u065f]|\u0670/,
    /[\u1ab0-\u1aff]|[\u1dc0-\u1dff]|[\u20d0-\u20ff]|[\ufe00-\ufe0f]|[\ufe20-\ufe2f]/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
);

/** Letters that are not composed, and yet are typed as others. */
const TYPED_AS: Readonly<Record<string, string>> = {
  ...{ ø: 'o', ł: 'l', đ: 'd', ð: 'd', ħ: 'h', æ: 'ae', œ: 'oe', þ: 'th', ı: 'i', ß: 'ss', ς: 'σ' },
  ...{ '’': "'", '‘': "'", ʼ: "'", '“': '"', '”': '"', '„': '"' },
};

/**
 * A text as it is searched for and searched in: however it was composed, in whatever case, with or without accents, in
 * wide or narrow letters, with whatever dashes, quotes and blanks.
 */
export function foldText(text: string): string {
  return text
    .normalize('NFKD')
    .replace(MARKS, '')
    .replace(/\p{Cf}+/gu, '')
    .toUpperCase()
    .toLowerCase()
    .replace(MARKS, '')
    .replace(/\p{Pd}/gu, '-')
    .replace(/[øłđðħæœþıßς’‘ʼ“”„]/g, (letter) => TYPED_AS[letter] ?? letter)
    .replace(/\s+/g, ' ')
    .normalize('NFC');
}
