import { useEffect, useState } from 'preact/hooks';
import { formatBytes, formatDay } from '../shared/format.ts';
import { getJson } from './api.ts';
import type { Live } from './live.ts';
import { notifyProblem } from './notices.tsx';
import { Companions, Empty, folded, Loading, StateBadge, Title, Trouble, When } from './parts.tsx';
import { type Resource, useResource } from './resource.ts';
import { go } from './router.tsx';
import type { RecordingView } from './types.ts';
import { allSources, serviceWords, sourceWords } from './vocabulary.ts';
import { STATE_WORDS } from './words.ts';

interface Page {
  readonly recordings: readonly RecordingView[];
  readonly next_cursor: string | null;
}

/** What can be searched for; of the last ones there are no fields, but ways that lead here. */
const FIELDS = ['q', 'state', 'source', 'from', 'to', 'waits', 'code', 'service', 'ended'] as const;
type Field = (typeof FIELDS)[number];

/** How long somebody may pause while typing before it is searched for, in milliseconds. */
const TYPING_MS = 250;

/** How often all is read anew while nothing is heard, in milliseconds. */
const READ_EVERY_MS = 15_000;

/** All recordings, newest first, by what is searched for. What is searched for stands in the address. */
export function RecordingsPage({ live, query }: { live: Live; query: URLSearchParams }) {
  const search = searchOf(query);
  const [isMore, setMore] = useState(false);
  const list: Resource<Page> = useResource<Page>({
    key: `/api/recordings?${search}`,
    live,
    load: (signal) => readPages(search, list.data?.recordings.length ?? 0, signal),
    onNews({ recording, recording_id }, patch) {
      if (recording !== undefined)
        patch((page) => ({ ...page, recordings: replaced(page.recordings, recording) }));
      const isKnown = list.data?.recordings.some(({ id }) => id === recording_id);
      return !isKnown || search.has('state') || search.has('waits');
    },
    everyMs: READ_EVERY_MS,
  });
  const { data, problem } = list;

  async function more(): Promise<void> {
    if (data?.next_cursor == null) return;
    setMore(true);
    try {
      const next = await getJson<Page>(`/api/recordings?${withCursor(search, data.next_cursor)}`);
      list.patch((page) => ({
        recordings: [...page.recordings, ...next.recordings],
        next_cursor: next.next_cursor,
      }));
    } catch (error) {
      notifyProblem(error);
    } finally {
      setMore(false);
    }
  }

  return (
    <main id="main">
      <h1 tabIndex={-1} data-page-title>
        Recordings
      </h1>
      <Filters query={query} />
      <p class="hidden-text" role="status">
        {data &&
          `${data.recordings.length} recordings are shown${data.next_cursor ? ', there are more' : ''}.`}
      </p>
      {problem && data === undefined && <Trouble problem={problem} retry={list.reload} />}
      {data === undefined && !problem && <Loading what="the recordings" />}
      {data?.recordings.length === 0 && (
        <div class="card">
          <Empty>
            {search.size === 0 ? 'No recording has come in yet.' : 'Nothing fits what you search for.'}
          </Empty>
        </div>
      )}
      {data !== undefined && data.recordings.length > 0 && (
        <ul class="rows card list" aria-label="Recordings">
          {folded(data.recordings).map(({ recording, companions }) => (
            <Row key={recording.id} recording={recording} companions={companions} />
          ))}
        </ul>
      )}
      {data?.next_cursor && (
        <p class="center">
          <button type="button" aria-disabled={isMore} onClick={() => isMore || more()}>
            {isMore ? 'Reading…' : 'More'}
          </button>
        </p>
      )}
    </main>
  );
}

function Row({ recording, companions }: { recording: RecordingView; companions: readonly RecordingView[] }) {
  const { source, bytes, accepted_at, ace_id, last_error, state } = recording;
  return (
    <li class="row">
      <div class="row-words">
        <p class="row-title">
          <Title recording={recording} />
        </p>
        <p class="small muted">
          {sourceWords(source)}
          {ace_id && <> · {ace_id}</>}
          {bytes !== null && <> · {formatBytes(bytes)}</>} · <When at={accepted_at} />
        </p>
        {last_error && state !== 'done' && <p class="small">{last_error.title}</p>}
        <Companions recording={recording} companions={companions} />
      </div>
      <StateBadge recording={recording} />
    </li>
  );
}

function Filters({ query }: { query: URLSearchParams }) {
  const [text, setText] = useState(query.get('q') ?? '');
  const set = (name: Field, value: string) => {
    const next = new URLSearchParams(location.search);
    if (value === '') next.delete(name);
    else next.set(name, value);
    go(next.size === 0 ? '/recordings' : `/recordings?${next}`, { isSame: true });
  };
  useEffect(() => {
    if (text === (query.get('q') ?? '')) return;
    const timer = setTimeout(() => set('q', text.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);

  const isFiltered = FIELDS.some((name) => query.has(name));
  return (
    <search class="filters card">
      <label class="grow">
        Search
        <input
          type="search"
          value={text}
          placeholder="Title, host, file name or id"
          maxLength={200}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <label>
        State
        <select
          value={query.get('state') ?? ''}
          onChange={(event) => set('state', event.currentTarget.value)}
        >
          <option value="">All</option>
          {Object.entries(STATE_WORDS).map(([state, words]) => (
            <option key={state} value={state}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <label>
        Source
        <select
          value={query.get('source') ?? ''}
          onChange={(event) => set('source', event.currentTarget.value)}
        >
          <option value="">All</option>
          {allSources().map(([source, words]) => (
            <option key={source} value={source}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <label>
        From
        <input
          type="date"
          value={query.get('from') ?? ''}
          onChange={(event) => set('from', event.currentTarget.value)}
        />
      </label>
      <label>
        To
        <input
          type="date"
          value={query.get('to') ?? ''}
          onChange={(event) => set('to', event.currentTarget.value)}
        />
      </label>
      {isFiltered && (
        <button
          type="button"
          onClick={() => {
            setText('');
            go('/recordings', { isSame: true });
          }}
        >
          Clear
        </button>
      )}
      <Narrowed query={query} remove={(name) => set(name, '')} />
    </search>
  );
}

/** What the list is narrowed to without a field of its own. */
function Narrowed({ query, remove }: { query: URLSearchParams; remove: (name: Field) => void }) {
  const narrowed = FIELDS.flatMap((name) => {
    const words = narrowWords(name, query.get(name) ?? '');
    return words === undefined ? [] : [{ name, words }];
  });
  if (narrowed.length === 0) return null;
  return (
    <p class="narrowed small">
      Only{' '}
      {narrowed.map(({ name, words }) => (
        <span key={name}>
          {words}{' '}
          <button type="button" class="quiet" aria-label={`Remove: ${words}`} onClick={() => remove(name)}>
            Remove
          </button>
        </span>
      ))}
    </p>
  );
}

const WAITS_WORDS: Readonly<Record<string, string>> = {
  turn: 'what waits for its turn',
  time: 'what waits for its time',
  something: 'what waits for anything but its turn',
};

function narrowWords(name: Field, value: string): string | undefined {
  if (value === '') return undefined;
  if (name === 'waits') return WAITS_WORDS[value] ?? value;
  if (name === 'code') return value;
  if (name === 'ended') return `what ended on ${formatDay(new Date(`${value}T00:00:00`))}`;
  if (name !== 'service') return undefined;
  return `what needs ${serviceWords(value)}`;
}

/** What is asked of the server; days are the viewer's own, from their first moment to their last. */
function searchOf(query: URLSearchParams): URLSearchParams {
  const search = new URLSearchParams();
  for (const name of ['q', 'state', 'source', 'waits', 'code', 'service'] as const) {
    const value = query.get(name);
    if (value) search.set(name, value);
  }
  const from = dayOf(query.get('from'));
  const to = dayOf(query.get('to'));
  const ended = dayOf(query.get('ended'));
  if (from) search.set('from', from.toISOString());
  if (to) search.set('to', new Date(nextDay(to).getTime() - 1).toISOString());
  if (ended) {
    search.set('ended_from', ended.toISOString());
    search.set('ended_before', nextDay(ended).toISOString());
  }
  return search;
}

function dayOf(text: string | null): Date | undefined {
  const day = new Date(`${text}T00:00:00`);
  return Number.isNaN(day.getTime()) ? undefined : day;
}

function nextDay(day: Date): Date {
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() + 1);
}

/** Reads as many as are shown already, so that nothing jumps. */
async function readPages(search: URLSearchParams, shown: number, signal: AbortSignal): Promise<Page> {
  const limited = new URLSearchParams(search);
  limited.set('limit', String(Math.min(200, Math.max(50, shown))));
  let page = await getJson<Page>(`/api/recordings?${limited}`, signal);
  while (page.next_cursor !== null && page.recordings.length < shown) {
    const next = await getJson<Page>(`/api/recordings?${withCursor(limited, page.next_cursor)}`, signal);
    page = { recordings: [...page.recordings, ...next.recordings], next_cursor: next.next_cursor };
  }
  return page;
}

function withCursor(search: URLSearchParams, cursor: string): URLSearchParams {
  const next = new URLSearchParams(search);
  next.set('cursor', cursor);
  return next;
}

function replaced(recordings: readonly RecordingView[], recording: RecordingView): RecordingView[] {
  return recordings.map((each) => (each.id === recording.id ? recording : each));
}
