import { createStore, useStore } from '../shared/store.ts';
import { ApiProblem } from './api.ts';

interface Notice {
  readonly id: number;
  readonly kind: 'told' | 'refused';
  readonly text: string;
}

const notices = createStore<{ list: readonly Notice[]; spoken: string }>({ list: [], spoken: '' });

const SHOWN_MS = 6000;
const REFUSAL_SHOWN_MS = 15_000;

/** Between two sentences for those who listen, in milliseconds. */
const SPOKEN_PAUSE_MS = 4000;

let lastId = 0;
let lastSpokenMs = 0;

/** Says that something was done, or why it was not. */
export function notify(text: string, kind: Notice['kind'] = 'told'): void {
  lastId += 1;
  const id = lastId;
  notices.set({ list: [...notices.get().list.slice(-2), { id, kind, text }] });
  setTimeout(() => dismiss(id), kind === 'told' ? SHOWN_MS : REFUSAL_SHOWN_MS);
}

export function notifyProblem(error: unknown): void {
  if (error instanceof ApiProblem) notify(`${error.message} ${error.advice}`.trim(), 'refused');
  else notify(String(error), 'refused');
}

/** Tells those who listen to the page instead of looking at it; what comes too soon after the last is left out. */
export function speak(text: string): void {
  const nowMs = Date.now();
  if (nowMs - lastSpokenMs < SPOKEN_PAUSE_MS) return;
  lastSpokenMs = nowMs;
  notices.set({ spoken: text });
}

function dismiss(id: number): void {
  notices.set({ list: notices.get().list.filter((notice) => notice.id !== id) });
}

export function Notices() {
  const { list, spoken } = useStore(notices, (all) => all);
  const told = list.filter(({ kind }) => kind === 'told');
  const refused = list.filter(({ kind }) => kind === 'refused');
  return (
    <div class="notices">
      <div role="alert">
        {refused.map(({ id, text }) => (
          <p key={id} class="notice refused">
            <span>{text}</span>
            <button type="button" onClick={() => dismiss(id)}>
              Close
            </button>
          </p>
        ))}
      </div>
      <div role="status">
        {told.map(({ id, text }) => (
          <p key={id} class="notice">
            {text}
          </p>
        ))}
      </div>
      <p class="hidden-text" aria-live="polite">
        {spoken}
      </p>
    </div>
  );
}
