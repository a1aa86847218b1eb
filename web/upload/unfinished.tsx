import { useStore } from '../shared/store.ts';
import { Cancel } from './cancel.tsx';
import { useWords } from './language.ts';
import type { Remembered } from './memory.ts';
import type { Uploads } from './uploads.ts';

/** What this browser has begun: it goes on with one click where the browser can open the file, or once that is chosen again. */
export function Unfinished({ uploads, entries }: { uploads: Uploads; entries: readonly Remembered[] }) {
  const { say } = useWords();
  const reopenable = useStore(uploads.state, (all) => all.reopenable);
  const isEasy = entries.some(({ key }) => reopenable.has(key));

  async function goOn(entry: Remembered): Promise<void> {
    await uploads.goOn(entry);
    // The button is gone with what it was for.
    document.querySelector('h1')?.focus();
  }

  return (
    <section class="card" aria-labelledby="unfinished">
      <h2 id="unfinished">{say('unfinished.title')}</h2>
      <p>{say(isEasy ? 'unfinished.howEasy' : 'unfinished.how')}</p>
      <ul class="items">
        {entries.map((entry) => (
          <li key={entry.key} class="head">
            <p>
              <strong>{entry.file.name}</strong>{' '}
              <span class="muted small">
                {say('unfinished.about', {
                  size: { bytes: entry.file.size },
                  id: entry.aceId,
                  time: { at: entry.beganAtMs },
                })}
              </span>
            </p>
            <div class="buttons">
              {reopenable.has(entry.key) && (
                <button
                  type="button"
                  class="primary"
                  aria-label={say('button.of', { action: say('button.goOn'), name: entry.file.name })}
                  onClick={() => void goOn(entry)}
                >
                  {say('button.goOn')}
                </button>
              )}
              <Cancel name={entry.file.name} cancel={() => uploads.forget(entry)} />
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
