import { useEffect, useState } from 'preact/hooks';
import { formatBytes, formatDuration } from '../shared/format.ts';
import { AssetJobs, MakeJob } from './asset-jobs.tsx';
import { Dialog } from './dialog.tsx';
import { type AssetView, ask, isUnderWay } from './graphql.ts';
import type { Live } from './live.ts';
import { useMayAct } from './me.tsx';
import { notify, notifyProblem } from './notices.tsx';
import { Dot, Empty, Loading, Trouble } from './parts.tsx';
import { Poster } from './poster.tsx';
import { JOBS_OF_EACH, SHELF } from './questions.ts';
import { useResource } from './resource.ts';
import { go, Link } from './router.tsx';

/** So many assets are shown at first, and with each wish for more. */
const PAGE = 25;

/** What is under way is read again so often, in milliseconds: progress comes without a word. */
const AGAIN_MS = 1000;

/** How long somebody pauses who has typed what they look for, in milliseconds. */
const TYPING_MS = 300;

const TONES = { pending: 'calm', ready: 'good', error: 'bad' } as const;
const WORDS = { pending: 'Not looked into yet', ready: 'Ready', error: 'Cannot be read' } as const;

interface Shelf {
  readonly assets: {
    readonly nodes: readonly AssetView[];
    readonly pageInfo: { readonly hasNextPage: boolean };
  };
  readonly presets: readonly { readonly name: string }[];
}

/** What lies below MEDIA_IN, and what is made of it. */
export function LibraryPage({ live, query }: { live: Live; query: URLSearchParams }) {
  const [first, setFirst] = useState(PAGE);
  const [isActive, setActive] = useState(false);
  const search = query.get('q') ?? '';
  const status = query.get('status') ?? '';
  const { data, problem, reload } = useResource<Shelf>({
    key: `/graphql?${search}&${status}&${first}`,
    live,
    load: () =>
      ask<Shelf>(SHELF, { first, search: search || undefined, status: status === '' ? undefined : status }),
    onNews: ({ recording }) => recording?.source === 'library',
    ...(isActive ? { everyMs: AGAIN_MS } : {}),
  });
  const assets = data?.assets.nodes;
  useEffect(() => setActive(assets?.some(isUnderWay) === true), [assets]);
  const presets = data?.presets.map(({ name }) => name) ?? [];

  return (
    <main id="main">
      <h1 tabIndex={-1} data-page-title>
        Library
      </h1>
      <Scan reload={reload} />
      <Filters query={query} />
      <p class="hidden-text" role="status">
        {assets && `${assets.length} assets are shown.`}
      </p>
      {problem && data === undefined && <Trouble problem={problem} retry={reload} />}
      {data === undefined && !problem && <Loading what="the library" />}
      {assets?.length === 0 && (
        <div class="card">
          <Empty>
            {search === '' && status === ''
              ? 'Nothing is known of MEDIA_IN yet: look through it.'
              : 'Nothing fits what you search for.'}
          </Empty>
        </div>
      )}
      {assets !== undefined && assets.length > 0 && (
        <ul class="rows card list" aria-label="Assets">
          {assets.map((asset) => (
            <AssetRow key={asset.id} asset={asset} presets={presets} reload={reload} />
          ))}
        </ul>
      )}
      {data?.assets.pageInfo.hasNextPage && first < 200 && (
        <p class="center">
          <button type="button" onClick={() => setFirst(Math.min(200, first + PAGE))}>
            More
          </button>
        </p>
      )}
    </main>
  );
}

/** The button that has MEDIA_IN looked through, and what came of it. */
function Scan({ reload }: { reload: () => void }) {
  const mayAct = useMayAct();
  const [isBusy, setBusy] = useState(false);
  const [found, setFound] = useState<string>();
  if (!mayAct) return null;

  async function scan(): Promise<void> {
    setBusy(true);
    try {
      const { scanMediaFolder: sum } = await ask<{
        scanMediaFolder: Readonly<Record<'found' | 'registered' | 'changed' | 'skipped', number>>;
      }>('mutation { scanMediaFolder { found registered changed skipped } }');
      const changed = sum.changed > 0 ? `, ${sum.changed} written anew` : '';
      setFound(`${sum.found} found: ${sum.registered} new${changed}, ${sum.skipped} known.`);
      reload();
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <div class="actions">
      <button type="button" class="primary" aria-disabled={isBusy} onClick={() => isBusy || scan()}>
        {isBusy ? 'Looking…' : 'Look through MEDIA_IN'}
      </button>
      <p role="status">{found}</p>
    </div>
  );
}

function Filters({ query }: { query: URLSearchParams }) {
  const [text, setText] = useState(query.get('q') ?? '');
  const set = (name: 'q' | 'status', value: string) => {
    const next = new URLSearchParams(location.search);
    if (value === '') next.delete(name);
    else next.set(name, value);
    go(next.size === 0 ? '/library' : `/library?${next}`, { isSame: true });
  };
  useEffect(() => {
    if (text === (query.get('q') ?? '')) return;
    const timer = setTimeout(() => set('q', text.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <search class="filters">
      <label class="grow">
        Search
        <input type="search" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <label>
        State
        <select
          value={query.get('status') ?? ''}
          onChange={(event) => set('status', event.currentTarget.value)}
        >
          <option value="">Any</option>
          {Object.entries(WORDS).map(([status, words]) => (
            <option key={status} value={status}>
              {words}
            </option>
          ))}
        </select>
      </label>
    </search>
  );
}

function AssetRow({
  asset,
  presets,
  reload,
}: {
  asset: AssetView;
  presets: readonly string[];
  reload: () => void;
}) {
  const mayAct = useMayAct();
  const [isAsked, setAsked] = useState(false);
  const { id, filename, path, status, error, jobs } = asset;

  async function forget(): Promise<void> {
    setAsked(false);
    try {
      await ask('mutation ($id: ID!) { deleteAsset(id: $id) { ok } }', { id });
      notify(`${filename} is forgotten. The file stays where it is.`);
      reload();
    } catch (problem) {
      notifyProblem(problem);
    }
  }

  return (
    <li class="row stacked">
      <div class="asset-head">
        <Poster asset={asset} />
        <div class="row-words">
          <p class="row-title">
            <Link href={`/timeline/${encodeURIComponent(id)}`}>
              <bdi>{filename}</bdi>
            </Link>{' '}
            <span class="badge">
              <Dot tone={TONES[status]} />
              {WORDS[status]}
            </span>
          </p>
          <p class="small muted wrap">{factsOf(asset).join(' · ')}</p>
          {path !== filename && (
            <p class="small muted wrap">
              <bdi>{path}</bdi>
            </p>
          )}
          {error !== null && <p class="small wrap bad-words">{error}</p>}
        </div>
      </div>
      <Comments asset={asset} reload={reload} />
      <details>
        <summary>
          {jobWords(jobs.length)}
          <span class="hidden-text"> of {filename}</span>
        </summary>
        <AssetJobs jobs={jobs} reload={reload} />
        {mayAct && <MakeJob assetId={id} presets={presets} reload={reload} />}
        {mayAct && (
          <p class="actions">
            <button
              type="button"
              class="danger"
              aria-label={`Forget ${filename}`}
              onClick={() => setAsked(true)}
            >
              Forget…
            </button>
          </p>
        )}
      </details>
      {isAsked && (
        <Dialog title={`Forget ${filename}?`} close={() => setAsked(false)}>
          <p>The file stays where it is, and so does what was made of it. The next look finds it again.</p>
          <div class="actions">
            <button type="button" class="primary" onClick={() => setAsked(false)}>
              Keep it
            </button>
            <button type="button" class="danger" onClick={() => void forget()}>
              Forget it
            </button>
          </div>
        </Dialog>
      )}
    </li>
  );
}

function jobWords(count: number): string {
  if (count === 0) return 'No jobs';
  if (count === 1) return '1 job';
  return count < JOBS_OF_EACH ? `${count} jobs` : `The ${JOBS_OF_EACH} newest jobs`;
}

function factsOf({ duration, width, height, videoCodec, audioCodec, size }: AssetView): string[] {
  return [
    duration === null ? undefined : formatDuration(duration * 1000),
    width === null || height === null ? undefined : `${width} × ${height}`,
    [videoCodec, audioCodec].filter((codec) => codec !== null).join(' + ') || undefined,
    size === null ? undefined : formatBytes(size),
  ].filter((fact) => fact !== undefined);
}

/** What people have noted of an asset. */
function Comments({ asset: { id, filename, comments }, reload }: { asset: AssetView; reload: () => void }) {
  const mayAct = useMayAct();
  const [text, setText] = useState<string>();

  async function keep(): Promise<void> {
    try {
      await ask(
        'mutation ($id: ID!, $comments: String!) { updateAsset(id: $id, comments: $comments) { id } }',
        {
          id,
          comments: text,
        },
      );
      setText(undefined);
      reload();
    } catch (problem) {
      notifyProblem(problem);
    }
  }

  if (text === undefined) {
    if (comments === '' && !mayAct) return null;
    return (
      <p class="small wrap">
        {comments}{' '}
        {mayAct && (
          <button
            type="button"
            class="quiet"
            aria-label={comments === '' ? `Comment on ${filename}` : `Change the comments on ${filename}`}
            onClick={() => setText(comments)}
          >
            {comments === '' ? 'Comment' : 'Change'}
          </button>
        )}
      </p>
    );
  }
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void keep();
      }}
    >
      <label>
        Comments on {filename}
        <textarea rows={2} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <div class="actions">
        <button type="submit" class="primary">
          Keep
        </button>
        <button type="button" onClick={() => setText(undefined)}>
          Leave it
        </button>
      </div>
    </form>
  );
}
