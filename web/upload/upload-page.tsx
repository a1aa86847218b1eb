import { useEffect, useRef, useState } from 'preact/hooks';
import { useStore } from '../shared/store.ts';
import { createAwake } from './awake.ts';
import { canPick, dropped, pick } from './file-handles.ts';
import { useWords } from './language.ts';
import { Progress } from './progress.tsx';
import { Unfinished } from './unfinished.tsx';
import { UploadItem } from './upload-item.tsx';
import type { Item, Uploads } from './uploads.ts';

/** Phones of Apple make a video of their library anew whenever it is chosen. */
const makesVideosAnew =
  /iP(hone|ad|od)/.test(navigator.userAgent) ||
  (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);

/** Where tutors hand in their recordings. */
export function UploadPage({ uploads }: { uploads: Uploads }) {
  const items = useStore(uploads.state, (all) => all.items);
  const problems = useStore(uploads.state, (all) => all.problems);
  const unfinished = useStore(uploads.state, (all) => all.unfinished);
  const isLooking = useStore(uploads.state, (all) => all.isLooking);
  const cancelling = useStore(uploads.cancellations.open, ({ count }) => count);
  const { say, tell } = useWords();
  const list = useRef<HTMLUListElement>(null);
  const ready = items.filter(({ phase }) => phase === 'ready');
  const begun = items.filter(({ phase, sentBytes }) => phase !== 'ready' && sentBytes >= 0);
  const isSending = items.some(({ phase }) => phase === 'sending');
  const isUnderWay = isSending || items.some(({ phase }) => phase === 'waiting');
  const isAwake = useAwake(isUnderWay);
  const canAdd = uploads.link.token === undefined || items.every(({ phase }) => phase === 'arrived');

  useEffect(() => {
    if (!isSending) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', ask);
    return () => removeEventListener('beforeunload', ask);
  }, [isSending]);

  function start(): void {
    uploads.start();
    setTimeout(() => list.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
  }

  return (
    <>
      <div>
        <h1 tabIndex={-1}>
          {uploads.link.title ? say('page.titleOf', { title: uploads.link.title }) : say('page.title')}
        </h1>
        <p class="muted">{say(makesVideosAnew ? 'page.introPhone' : 'page.intro')}</p>
      </div>
      {unfinished.length > 0 && <Unfinished uploads={uploads} entries={unfinished} />}
      {canAdd && (
        <Drop add={uploads.add} isSingle={uploads.link.token !== undefined} isFirst={items.length === 0} />
      )}
      <div role="status" class="said">
        {isLooking && <p class="note">{say('choose.looking')}</p>}
        {cancelling > 0 && <p class="note">{say('note.cancelling')}</p>}
        {isAwake && <p class="muted small">{say('note.awake')}</p>}
      </div>
      {problems.length > 0 && (
        <div role="alert" class="problem">
          {problems.map((problem) => (
            <p key={JSON.stringify(problem)}>{tell(problem)}</p>
          ))}
        </div>
      )}
      {begun.length > 1 && begun.some(({ phase }) => phase !== 'arrived') && <Total items={begun} />}
      {items.length > 0 && (
        <ul class="items" aria-label={say('files.title')} ref={list}>
          {items.map((item) => (
            <UploadItem key={item.id} uploads={uploads} item={item} />
          ))}
        </ul>
      )}
      {ready.length > 0 && (
        <button type="button" class="primary start" onClick={start}>
          {say('button.upload', { count: ready.length })}
        </button>
      )}
    </>
  );
}

/** All files together. */
function Total({ items }: { items: readonly Item[] }) {
  const { say } = useWords();
  const sum = (pick: (item: Item) => number) => items.reduce((total, item) => total + pick(item), 0);
  const arrived = items.filter(({ phase }) => phase === 'arrived').length;
  return (
    <section class="card" aria-label={say('files.total')}>
      <Progress
        label={say('files.total')}
        words={say('files.arrived', { arrived, count: items.length })}
        sentBytes={sum(({ sentBytes }) => sentBytes)}
        totalBytes={sum(({ file }) => file.size)}
        bytesPerS={sum(({ phase, bytesPerS }) => (phase === 'sending' ? bytesPerS : 0))}
      />
    </section>
  );
}

/** Keeps the screen on while it is wanted; tells whether it is. */
function useAwake(isWanted: boolean): boolean {
  const [isAwake, setAwake] = useState(false);
  const [awake] = useState(() => createAwake(setAwake));
  useEffect(() => awake.want(isWanted), [isWanted]);
  return isAwake;
}

/** Takes files by choosing or by dropping them. */
function Drop(props: { add: Uploads['add']; isSingle: boolean; isFirst: boolean }) {
  const { add, isSingle, isFirst } = props;
  const { say } = useWords();
  const [isOver, setOver] = useState(false);
  const [isPicked, setPicked] = useState(canPick);

  async function choose(): Promise<void> {
    try {
      void add(await pick(isSingle));
    } catch (error) {
      // Whoever closes the picker has chosen nothing; where it may not be opened, the plain way is taken from now on.
      if (!(error instanceof DOMException && error.name === 'AbortError')) setPicked(false);
    }
  }

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
        void dropped(event.dataTransfer).then(add);
      }}
    >
      <input
        id="file"
        type="file"
        class="hidden-text"
        accept="video/*,audio/*,.mp4,.m4a,.mkv,.mov,.webm"
        multiple={!isSingle}
        onClick={(event) => {
          if (!isPicked) return;
          event.preventDefault();
          void choose();
        }}
        onChange={(event) => {
          void add(new Map(Array.from(event.currentTarget.files ?? [], (file) => [file, undefined])));
          event.currentTarget.value = '';
        }}
      />
      <label for="file" class="choose">
        {say(isSingle || isFirst ? 'choose.first' : 'choose.more')}
      </label>
      <p class="muted small">{say(isSingle ? 'choose.dropOne' : 'choose.dropMany')}</p>
    </div>
  );
}
