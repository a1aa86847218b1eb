import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { formatBytes, formatCount } from '../shared/format.ts';
import { useStore } from '../shared/store.ts';
import { Actions } from './actions.tsx';
import { getJson, postJson } from './api.ts';
import { DayChart } from './day-chart.tsx';
import type { Live } from './live.ts';
import { useMayAct } from './me.tsx';
import { Moving } from './moving.tsx';
import { notify, notifyProblem } from './notices.tsx';
import { Copyable, Dot, Empty, Loading, Reason, StateBadge, Trouble, When } from './parts.tsx';
import { useResource } from './resource.ts';
import { Link } from './router.tsx';
import { Surroundings } from './surroundings.tsx';
import type { RecordingView } from './types.ts';
import { SOURCE_WORDS } from './words.ts';

const LINE_SHOWN = 6;
const TROUBLED_SHOWN = 5;
const DONE_SHOWN = 4;

interface Lists {
  readonly line: readonly RecordingView[];
  readonly troubled: readonly RecordingView[];
  readonly notYet: readonly RecordingView[];
  readonly setAside: readonly RecordingView[];
  readonly done: readonly RecordingView[];
}

/** How all stands: what moves, what is next, what needs somebody, what has been done. */
export function OverviewPage({ live }: { live: Live }) {
  const lists = useResource<Lists>({ key: 'overview', live, load: readLists, onNews: () => true });
  const counts = useStore(live.state, ({ status }) => status?.counts);
  const { data, problem } = lists;

  return (
    <main id="main">
      <h1 class="hidden-text" tabIndex={-1} data-page-title>
        Overview
      </h1>
      {problem && data === undefined && <Trouble problem={problem} retry={lists.reload} />}
      <div class="columns">
        <div class="wide">
          <Troubles live={live} />
          {data !== undefined && data.troubled.length > 0 && (
            <Section
              title={`Needs you (${formatCount(counts?.failed ?? data.troubled.length)})`}
              more={(counts?.failed ?? 0) > data.troubled.length ? '/recordings?state=failed' : undefined}
            >
              <ul class="rows">
                {data.troubled.map((recording) => (
                  <Troubled key={recording.id} live={live} recording={recording} />
                ))}
              </ul>
            </Section>
          )}
          <Section title="Moving now" aside={<PauseButton live={live} />}>
            <Moving live={live} />
          </Section>
          <Section
            title={`In line (${formatCount(counts?.waiting ?? 0)})`}
            more={(counts?.waiting ?? 0) > LINE_SHOWN ? '/recordings?state=waiting' : undefined}
          >
            <Line live={live} lists={data} hasProblem={problem !== undefined} />
          </Section>
          <Section title="Recently done" more="/recordings?state=done">
            {data === undefined && !problem && <Loading what="what is done" />}
            {data?.done.length === 0 && <Empty>Nothing is done yet.</Empty>}
            <ul class="rows">
              {data?.done.map((recording) => (
                <Done key={recording.id} recording={recording} />
              ))}
            </ul>
          </Section>
        </div>
        <div class="narrow">
          <Surroundings live={live} />
          <DayChart live={live} />
        </div>
      </div>
    </main>
  );
}

function Section(props: {
  title: string;
  more?: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
}) {
  const id = props.title.replace(/\W.*/, '').toLowerCase();
  return (
    <section class="card" aria-labelledby={id} data-home tabIndex={-1}>
      <div class="section-head">
        <h2 id={id}>{props.title}</h2>
        {props.aside}
      </div>
      {props.children}
      {props.more && (
        <p class="more">
          <Link href={props.more}>Show all</Link>
        </p>
      )}
    </section>
  );
}

/** What of Sluice's own does not move, above all else. */
function Troubles({ live }: { live: Live }) {
  const mayAct = useMayAct();
  const troubles = useStore(live.state, ({ status }) => status?.troubles) ?? [];
  const [isBusy, setBusy] = useState(false);
  if (troubles.length === 0) return null;
  const replay = async () => {
    setBusy(true);
    try {
      notify(`${formatCount(await replayGivenUp())} announcements are sent again.`);
      live.refresh();
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Section title="Does not move">
      <ul class="rows">
        {troubles.map(({ kind, title, detail, advice, recording_id: id }) => (
          <li key={title} class="row stacked">
            <p class="row-title">
              <Dot tone="bad" />
              {id === null ? title : <Link href={`/recordings/${id}`}>{title}</Link>}
            </p>
            <p class="small">{detail}</p>
            <p class="small muted wrap">{advice}</p>
            {kind === 'announcements' && mayAct && (
              <button type="button" aria-disabled={isBusy} onClick={() => isBusy || replay()}>
                Send them again
              </button>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** Sends all announcements again that were given up, a page at a time; returns how many. */
async function replayGivenUp(): Promise<number> {
  const sent = new Set<string>();
  for (;;) {
    const { deliveries } = await getJson<{ deliveries: { id: string }[] }>(
      '/api/deliveries/given-up?limit=200',
    );
    const fresh = deliveries.filter(({ id }) => !sent.has(id));
    if (fresh.length === 0) return sent.size;
    for (const { id } of fresh) {
      await postJson(`/api/deliveries/${encodeURIComponent(id)}/replay`);
      sent.add(id);
    }
  }
}

function Troubled({ live, recording }: { live: Live; recording: RecordingView }) {
  return (
    <li class="row stacked">
      <p class="row-title">
        <Link href={`/recordings/${recording.id}`}>{recording.title}</Link>
        <span class="muted small">
          {' '}
          {SOURCE_WORDS[recording.source]}, failed {recording.ended_at && <When at={recording.ended_at} />}
        </span>
      </p>
      {recording.last_error && <Reason error={recording.last_error} />}
      <Actions live={live} recording={recording} />
    </li>
  );
}

function Line({ live, lists, hasProblem }: { live: Live; lists: Lists | undefined; hasProblem: boolean }) {
  if (lists === undefined) return hasProblem ? null : <Loading what="the line" />;
  const { line, notYet, setAside } = lists;
  const resting = [...notYet, ...setAside];
  if (line.length + resting.length === 0) return <Empty>Nobody waits.</Empty>;
  return (
    <>
      <ol class="rows dense">
        {line.map((recording) => (
          <li key={recording.id} class="row">
            <span class="place number" aria-hidden="true">
              {recording.position}
            </span>
            <Words recording={recording} />
            <Actions
              live={live}
              recording={recording}
              only={recording.position === 1 ? [] : ['move-to-front']}
            />
          </li>
        ))}
      </ol>
      {resting.length > 0 && (
        <>
          <h3 class="apart">Not yet</h3>
          <ul class="rows">
            {resting.map((recording) => (
              <li key={recording.id} class="row">
                <Words recording={recording} />
                <Actions live={live} recording={recording} only={['retry']} />
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Words({ recording }: { recording: RecordingView }) {
  const { id, title, source, bytes, accepted_at, last_error, state, not_before, position } = recording;
  return (
    <div class="row-words">
      <p class="row-title">
        <Link href={`/recordings/${id}`}>{title}</Link>
      </p>
      <p class="small muted">
        {state !== 'waiting' && (
          <>
            <StateBadge recording={recording} /> ·{' '}
          </>
        )}
        {SOURCE_WORDS[source]}
        {bytes !== null && <> · {formatBytes(bytes)}</>} · since <When at={accepted_at} />
      </p>
      {last_error && <p class="small">{last_error.title}</p>}
      {not_before && state !== 'set-aside' && position === null && (
        <p class="small muted">
          {last_error ? 'Tried again' : 'Not before'} <When at={not_before} />
        </p>
      )}
    </div>
  );
}

function Done({ recording }: { recording: RecordingView }) {
  const { id, title, video, archive, ended_at, bytes } = recording;
  return (
    <li class="row">
      <div class="row-words">
        <p class="row-title">
          <Link href={`/recordings/${id}`}>{title}</Link>
        </p>
        <p class="small muted">
          <StateBadge recording={recording} />
          {bytes !== null && <> · {formatBytes(bytes)}</>}
          {ended_at && (
            <>
              {' '}
              · <When at={ended_at} />
            </>
          )}
        </p>
        {archive && (
          <p class="small muted">
            <Copyable text={archive.file_name} label={`the B2 name of ${title}`} />
          </p>
        )}
      </div>
      {video && (
        <a
          class="button"
          href={video.player_url}
          target="_blank"
          rel="noreferrer"
          aria-label={`Watch: ${title} (opens Bunny’s player)`}
        >
          Watch
        </a>
      )}
    </li>
  );
}

function PauseButton({ live }: { live: Live }) {
  const mayAct = useMayAct();
  const paused = useStore(live.state, ({ status }) => status?.paused);
  const [isBusy, setBusy] = useState(false);
  if (paused === undefined || !mayAct) return null;
  const turn = async () => {
    setBusy(true);
    try {
      await postJson(`/api/line/${paused ? 'resume' : 'pause'}`);
      notify(
        paused ? 'The line goes on.' : 'The line is paused: what moves is finished, nothing new begins.',
      );
      live.refresh();
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <button
      type="button"
      class={paused ? 'primary' : ''}
      aria-disabled={isBusy}
      onClick={() => isBusy || turn()}
    >
      {paused ? 'Resume the line' : 'Pause the line'}
    </button>
  );
}

async function readLists(signal: AbortSignal): Promise<Lists> {
  const read = async (path: string) =>
    (await getJson<{ recordings: RecordingView[] }>(path, signal)).recordings;
  const readLine = () =>
    getJson<{ recordings: RecordingView[]; not_yet: RecordingView[] }>(
      `/api/line?limit=${LINE_SHOWN}`,
      signal,
    );
  const [line, troubled, setAside, done] = await Promise.all([
    readLine(),
    read(`/api/recordings?state=failed&limit=${TROUBLED_SHOWN}`),
    read(`/api/recordings?state=set-aside&limit=${TROUBLED_SHOWN}`),
    read(`/api/recordings?state=done&limit=${DONE_SHOWN}`),
  ]);
  return { line: line.recordings, notYet: line.not_yet, troubled, setAside, done };
}
