import { Cancel } from './cancel.tsx';
import { useWords } from './language.ts';
import type { Remembered } from './memory.ts';
import type { Uploads } from './uploads.ts';

/** What this browser has begun: its files are to be chosen again. */
export function Unfinished({ uploads, entries }: { uploads: Uploads; entries: readonly Remembered[] }) {
  const { say } = useWords();
  return (
    <section class="card" aria-labelledby="unfinished">
      <h2 id="unfinished">{say('unfinished.title')}</h2>
      <p>{say('unfinished.how')}</p>
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
            <Cancel name={entry.file.name} cancel={() => uploads.forget(entry)} />
          </li>
        ))}
      </ul>
    </section>
  );
}
