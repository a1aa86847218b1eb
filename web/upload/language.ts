import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { createWords, type Messages, pickLanguage, type Words } from './words.ts';

const files = import.meta.glob<Messages>('./messages/*.json', { import: 'default', eager: true });
const messagesOf = (language: string): Messages => files[`./messages/${language}.json`] ?? {};

/** Every file of messages is a language of the page. */
const TAGS = Object.keys(files).map((path) => path.replace(/^.*\/|\.json$/g, ''));

/** Each with its name in itself. */
export const LANGUAGES = TAGS.map((tag) => ({
  tag,
  name: createWords(tag, messagesOf(tag)).say('language.name'),
}));

const WordsContext = createContext<Words | undefined>(undefined);
export const WordsProvider = WordsContext.Provider;

export function useWords(): Words {
  const words = useContext(WordsContext);
  if (words === undefined) throw new Error('the page has no language');
  return words;
}

/** The language to begin with; `asked` is what the link says. */
export const firstLanguage = (asked: string | undefined) =>
  pickLanguage(asked, navigator.languages ?? [], TAGS);

/** The page in a language, with the numbers and times of the reader's country where the browser names one. */
export function wordsIn(language: string): Words {
  const locale = navigator.languages?.find((tag) => tag.split('-')[0] === language) ?? language;
  return createWords(language, messagesOf(language), locale);
}
