import { render } from 'preact';
import '../shared/theme.css';
import './dashboard.css';
import { App } from './app.tsx';
import { createLive } from './live.ts';
import { readMe } from './me.tsx';

const live = createLive();
live.start();
readMe();
const root = document.getElementById('app');
if (root !== null) render(<App live={live} />, root);
