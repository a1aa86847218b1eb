import type { Recording } from '../domain/recording.ts';

/** What of a recording can be searched for; steps of the ledger that came before files did know nothing of them. */
type Searched = Pick<Recording, 'id' | 'title' | 'aceId' | 'details'> &
  Partial<Pick<Recording, 'source' | 'origin'>>;

/**
 * What searches for a recording look through, folded: a line each for its title, what its meeting, host and file are
 * called, and the ids that people know.
 */
export function searchText({ id, title, aceId, details, source, origin }: Searched): string {
  // Of an upload it is a name of ours, which nobody knows.
  const path = source === 'custom' && origin?.kind === 'file' ? origin.path : null;
  const { topic, filename, host_email: host, meeting_id: meetingId, meeting_uuid: meetingUuid } = details;
  const fields = [title, aceId, meetingId, meetingUuid, id, topic, host, path ?? filename]
    .filter((field) => field !== undefined && field !== null)
    .map((field) => foldText(String(field)));
  return [...new Set(fields)].join('\n');
}

/** A search with more words than that looks for the longest ones. */
const MAX_WORDS = 12;

/**
 * What of a text, as it is typed to search for something, has to be in a {@link searchText}: its words, in any order, and
 * what stands between quotes as it stands there.
 */
export function searchPieces(text: string): string[] {
  const folded = foldText(text).trim();
  const words = Array.from(folded.matchAll(/"([^"]+)"|[^\s"]+/g), ([word, phrase]) =>
    phrase === undefined ? word.replace(/^[,;]+|[,;]+$/g, '') : phrase.trim(),
  ).filter((word) => /[\p{L}\p{N}]/u.test(word));
  // Long ones first: they are rare, and what lacks one is not looked at for the others.
  const longestFirst = [...new Set(words)].sort((a, b) => b.length - a.length);
  return longestFirst.length > 0 ? longestFirst.slice(0, MAX_WORDS) : [folded].filter(Boolean);
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
