import type { WordsView } from './types.ts';

/* What the server calls things; what it has no word for goes by its own name. */

let words: WordsView = { sources: {}, services: {}, stores: {}, publishers: {} };

export function setVocabulary(told: WordsView): void {
  words = told;
}

/** The sources that there are, with their words. */
export function allSources(): [source: string, words: string][] {
  return Object.entries(words.sources);
}

export function sourceWords(source: string): string {
  return words.sources[source] ?? source;
}

/** As they stand within a sentence. */
export function serviceWords(service: string): string {
  return words.services[service] ?? service;
}

/** Where something is archived, within a sentence. */
export function storeWords(store: string): string {
  return words.stores[store] ?? store;
}

/** Where a video is published, within a sentence. */
export function publisherWords(publisher: string): string {
  return words.publishers[publisher] ?? publisher;
}

/** As they stand by themselves. */
export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
