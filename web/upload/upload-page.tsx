import { useEffect, useRef, useState } from 'preact/hooks';
import { formatBytes, formatExact } from '../shared/format.ts';
import { useStore } from '../shared/store.ts';
import { UploadItem } from './upload-item.tsx';
import type { Uploads } from './uploads.ts';

/** Where tutors hand in their recordings. */
export function UploadPage({ uploads }: { uploads: Uploads }) {
  const items = useStore(uploads.state, (all) => all.items);
  const message = useStore(uploads.state, (all) => all.message);
  const unfinished = useStore(uploads.state, (all) => all.unfinished);
  const ready = items.filter(({ phase }) => phase === 'ready');
  const isSending = items.some(({ phase }) => phase === 'sending' || phase === 'waiting');
  const canAdd = uploads.link.token === undefined || items.length === 0;

  useEffect(() => {
    if (!isSending) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [isSending]);

  return (
    <main class="page">
      <div>
        <h1>{uploads.link.title ? `Upload “${uploads.link.title}”` : 'Upload a recording'}</h1>
        <p class="muted">
          You may close this page at any time: choose the same file again later, and it goes on where it
          stopped.
        </p>
      </div>
      {unfinished.length > 0 && (
        <section class="card" aria-labelledby="unfinished">
          <h2 id="unfinished">Not finished yet</h2>
          <p>Choose the same file again to go on:</p>
          <ul class="items">
            {unfinished.map((entry) => (
              <li key={entry.key} class="head">
                <p>
                  <strong>{entry.file.name}</strong>{' '}
                  <span class="muted small">
                    {formatBytes(entry.file.size)}, for {entry.aceId}, begun{' '}
                    <time dateTime={new Date(entry.beganAtMs).toISOString()}>
                      {formatExact(new Date(entry.beganAtMs))}
                    </time>
                  </span>
                </p>
                <button
                  type="button"
                  aria-label={`Forget it: ${entry.file.name}`}
                  onClick={() => uploads.forget(entry)}
                >
                  Forget it
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {canAdd && (
        <Drop add={uploads.add} isSingle={uploads.link.token !== undefined} isFirst={items.length === 0} />
      )}
      {message && (
        <p role="alert" class="problem">
          {message}
        </p>
      )}
      {items.length > 0 && (
        <ul class="items" aria-label="Files">
          {items.map((item) => (
            <UploadItem key={item.id} uploads={uploads} item={item} />
          ))}
        </ul>
      )}
      {ready.length > 0 && (
        <button type="button" class="primary start" onClick={uploads.start}>
          {ready.length === 1 ? 'Upload' : `Upload ${ready.length} files`}
        </button>
      )}
    </main>
  );
}

/** Takes files by choosing or by dropping them. */
function Drop(props: { add: (files: File[]) => void; isSingle: boolean; isFirst: boolean }) {
  const { add, isSingle, isFirst } = props;
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is beside the button, which does the same
    <div
      class={`drop ${isOver ? 'over' : ''} ${isFirst ? '' : 'low'}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        add([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <input
        ref={input}
        id="file"
        type="file"
        class="hidden-text"
        accept="video/*,audio/*,.mp4,.m4a,.mkv,.mov,.webm"
        multiple={!isSingle}
        onChange={(event) => {
          add([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = '';
        }}
      />
      <label for="file" class="choose">
        {isSingle || isFirst ? 'Choose a file' : 'Choose more files'}
      </label>
      <p class="muted small">or drop {isSingle ? 'it' : 'files'} here. Video or audio.</p>
    </div>
  );
}
