import { render } from 'preact';
import '../shared/theme.css';
import './dashboard.css';
import { getJson } from './api.ts';
import { App } from './app.tsx';
import { createLive } from './live.ts';
import { readMe } from './me.tsx';
import type { WordsView } from './types.ts';
import { setVocabulary } from './vocabulary.ts';

/** How soon the server is asked for its words again, in milliseconds. */
const AGAIN_MS = 5000;

const live = createLive();
live.start();
readMe();
draw();

/** Draws the page once the server has said what it calls things; if it does not say, by the names of the API until it does. */
function draw(): void {
  const root = document.getElementById('app');
  getJson<WordsView>('/api/words')
    .then(setVocabulary, () => setTimeout(draw, AGAIN_MS))
    .then(() => root !== null && render(<App live={live} />, root))
    .catch((error) => console.error(error));
}
