import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { formatBytes, formatCount } from '../shared/format.ts';
import { useStore } from '../shared/store.ts';
import { Actions } from './actions.tsx';
import { getJson, postJson } from './api.ts';
import { DayChart, DaysChart } from './day-chart.tsx';
import { FailedGroup, HeldGroup } from './groups.tsx';
import type { Live } from './live.ts';
import { useMayAct } from './me.tsx';
import { Moving } from './moving.tsx';
import { notify, notifyProblem } from './notices.tsx';
import {
  Companions,
  Copyable,
  Dot,
  Empty,
  folded,
  Loading,
  StateBadge,
  Title,
  Trouble,
  When,
} from './parts.tsx';
import { useResource } from './resource.ts';
import { Link } from './router.tsx';
import { Strip } from './strip.tsx';
import { Surroundings } from './surroundings.tsx';
import type { OverviewView, RecordingView } from './types.ts';
import { publisherWords, sourceWords } from './vocabulary.ts';

/** Of the line and of what is done; companions stand under their videos. */
const SHOWN = 8;

/** How often all is read anew while nothing is heard: what waits for a service does so without a word. */
const READ_EVERY_MS = 5000;

/** How all stands: what moves, what needs somebody, what is next, what waits for what, what has been done. */
export function OverviewPage({ live }: { live: Live }) {
  const overview = useResource<OverviewView>({
    key: 'overview',
    live,
    load: (signal) => getJson(`/api/overview?limit=${SHOWN}&since=${startOfToday().toISOString()}`, signal),
    onNews: () => true,
    everyMs: READ_EVERY_MS,
  });
  const { data, problem } = overview;
  const held = data && sum(data.held);
  const failed = data && sum(data.failed);

  return (
    <main id="main">
      <h1 class="hidden-text" tabIndex={-1} data-page-title>
        Overview
      </h1>
      <Strip live={live} overview={data} held={held} />
      {problem && data === undefined && <Trouble problem={problem} retry={overview.reload} />}
      <div class="columns">
        <div class="wide">
          <Troubles live={live} />
          <Section title="Moving now" aside={<PauseButton live={live} />}>
            <Moving live={live} held={held} />
          </Section>
          {data !== undefined && failed !== undefined && failed > 0 && (
            <Section
              title={`Needs you (${formatCount(failed)})`}
              more={data.failed.length > 1 ? '/recordings?state=failed' : undefined}
            >
              <ul class="groups">
                {data.failed.map((cause) => (
                  <FailedGroup key={cause.code} live={live} cause={cause} />
                ))}
              </ul>
            </Section>
          )}
          <Section
            title={`In line (${formatCount(data?.in_line ?? 0)})`}
            more={(data?.in_line ?? 0) > SHOWN ? '/recordings?waits=turn' : undefined}
          >
            {data === undefined && !problem && <Loading what="the line" />}
            {data && <Line live={live} line={data.line} isNobody={data.in_line + (held ?? 0) === 0} />}
          </Section>
          {data !== undefined && held !== undefined && held > 0 && (
            <Section title={`Waiting for something else (${formatCount(held)})`}>
              <ul class="groups">
                {data.held.map((cause) => (
                  <HeldGroup
                    key={`${cause.reason} ${cause.code} ${cause.service}`}
                    live={live}
                    cause={cause}
                  />
                ))}
              </ul>
            </Section>
          )}
          <Section title="Recently done" more="/recordings?state=done">
            {data === undefined && !problem && <Loading what="what is done" />}
            {data?.done.length === 0 && <Empty>Nothing is done yet.</Empty>}
            <ul class="rows">
              {folded(data?.done ?? []).map(({ recording, companions }) => (
                <Done key={recording.id} recording={recording} companions={companions} />
              ))}
            </ul>
          </Section>
        </div>
        <div class="narrow">
          <Surroundings live={live} />
          <DayChart live={live} />
          <DaysChart live={live} />
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

function Line({ live, line, isNobody }: { live: Live; line: readonly RecordingView[]; isNobody: boolean }) {
  if (line.length === 0) return <Empty>{isNobody ? 'Nobody waits.' : 'Nobody waits for a turn.'}</Empty>;
  return (
    <ol class="rows dense">
      {folded(line).map(({ recording, companions }) => (
        <li key={recording.id} class="row">
          <span class="place number" aria-hidden="true">
            {recording.position}
          </span>
          <div class="row-words">
            <p class="row-title">
              <Title recording={recording} />
            </p>
            <p class="small muted">
              {sourceWords(recording.source)}
              {recording.bytes !== null && <> · {formatBytes(recording.bytes)}</>} · since{' '}
              <When at={recording.accepted_at} />
            </p>
            {recording.last_error && <p class="small">{recording.last_error.title}</p>}
            <Companions recording={recording} companions={companions} />
          </div>
          <Actions
            live={live}
            recording={recording}
            only={recording.position === 1 ? [] : ['move-to-front']}
          />
        </li>
      ))}
    </ol>
  );
}

function Done({ recording, companions }: { recording: RecordingView; companions: readonly RecordingView[] }) {
  const { title, video, videos, archive, ended_at, bytes } = recording;
  return (
    <li class="row">
      <div class="row-words">
        <p class="row-title">
          <Title recording={recording} />
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
        <Companions recording={recording} companions={companions} />
        {archive && (
          <p class="small muted">
            <Copyable text={archive.file_name} label={`the archived name of ${title}`} />
          </p>
        )}
      </div>
      {video && (
        <a
          class="button"
          href={video.player_url}
          target="_blank"
          rel="noreferrer"
          aria-label={`Watch: ${title} (opens ${publisherWords(videos[0]?.publisher ?? 'the video')})`}
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

function sum(causes: OverviewView['held']): number {
  return causes.reduce((total, { count }) => total + count, 0);
}

function startOfToday(): Date {
  const day = new Date();
  day.setHours(0, 0, 0, 0);
  return day;
}
