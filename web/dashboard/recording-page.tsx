import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { formatBytes, formatCount, formatDuration, formatExact, formatMoment } from '../shared/format.ts';
import { Actions } from './actions.tsx';
import { getJson, postJson } from './api.ts';
import { DeliveryRow } from './delivery-row.tsx';
import type { Live } from './live.ts';
import { Legs } from './moving.tsx';
import { notify, notifyProblem } from './notices.tsx';
import { Copyable, Empty, Loading, Reason, StateBadge, Trouble, When } from './parts.tsx';
import { useResource } from './resource.ts';
import { Link } from './router.tsx';
import { RunOf, Runs } from './runs.tsx';
import { StepTree } from './step-tree.tsx';
import { OUTCOME_WORDS, TimelineChart } from './timeline-chart.tsx';
import type { DeliveryView, EventView, RecordingDetail, RecordingView } from './types.ts';
import { capitalized, publisherWords, sourceWords, storeWords } from './vocabulary.ts';
import { companionWords, eventWords, STATE_WORDS, stepWords, withName } from './words.ts';

/** How often it is read anew while nothing is heard, in milliseconds: what waits for a service does so without a word. */
const READ_EVERY_MS = 15_000;

/** All that is known of one recording. */
export function RecordingPage({ live, id }: { live: Live; id: string }) {
  const resource = useResource<RecordingDetail>({
    key: `/api/recordings/${encodeURIComponent(id)}`,
    live,
    load: (signal) => getJson(`/api/recordings/${encodeURIComponent(id)}`, signal),
    onNews({ recording_id, recording }, patch) {
      if (recording_id !== id) return false;
      if (recording !== undefined) patch((detail) => ({ ...detail, ...recording }));
      return true;
    },
    everyMs: READ_EVERY_MS,
  });
  const { data, problem } = resource;
  const isUnknown = problem?.status === 404;
  const heading = data?.title ?? (isUnknown ? 'There is no such recording' : 'Recording');
  useEffect(() => {
    document.title = `${heading} · Sluice`;
  }, [heading]);

  return (
    <main id="main">
      <div class="page-head" data-home tabIndex={-1}>
        <p class="small">
          <Link href="/recordings">Recordings</Link>
        </p>
        <h1 tabIndex={-1} data-page-title>
          <bdi>{heading}</bdi>
        </h1>
        {data && (
          <>
            <OfVideo recording={data} />
            <RunOf live={live} recording={data} />
            <p class="muted">
              <StateBadge recording={data} /> · {sourceWords(data.source)} · accepted{' '}
              <When at={data.accepted_at} />
            </p>
            <Actions live={live} recording={data} related={data.related} />
          </>
        )}
      </div>
      {data && <Story live={live} data={data} reload={resource.reload} />}
      {!data && isUnknown && (
        <p>
          Nothing is known of <code>{id}</code>.
        </p>
      )}
      {!data && problem && !isUnknown && <Trouble problem={problem} retry={resource.reload} />}
      {!data && !problem && <Loading what="the recording" />}
    </main>
  );
}

/** What a companion is, and of which video. */
function OfVideo({ recording }: { recording: RecordingView }) {
  const companion = companionWords(recording);
  const { of_video } = recording;
  if (companion === undefined) return null;
  return (
    <p>
      <span class="tag">{companion}</span>{' '}
      {of_video === null ? (
        'Its video is not known yet.'
      ) : (
        <>
          of the video{' '}
          <Link href={`/recordings/${of_video.id}`}>
            <bdi>{of_video.title}</bdi>
          </Link>
        </>
      )}
    </p>
  );
}

function Story({ live, data, reload }: { live: Live; data: RecordingDetail; reload: () => void }) {
  return (
    <>
      {data.last_error && data.state !== 'done' && (
        <section class={`card notice-card ${data.state === 'failed' ? 'bad' : ''}`} aria-label="Why">
          <Reason error={data.last_error} />
        </section>
      )}
      {data.outputs.length > 0 && <StepTree live={live} detail={data} reload={reload} />}
      {data.events.some(({ type }) => type === 'piece.made') && (
        <p>
          <Link href={`/chunker/${encodeURIComponent(data.id)}`}>Its pieces, one by one</Link>
        </p>
      )}
      {data.state === 'moving' && data.outputs.length === 0 && (
        <section class="card" aria-label="How far it is">
          <Legs live={live} recording={data} />
        </section>
      )}
      {data.watch_page !== null && data.state !== 'deleted' && <Watch page={data.watch_page} />}
      <section class="card" aria-labelledby="timeline">
        <h2 id="timeline">Timeline</h2>
        {data.attempts.length === 0 ? (
          <Empty>No attempt has begun yet.</Empty>
        ) : (
          <TimelineChart detail={data} />
        )}
        {data.attempts.length > 0 && <Attempts detail={data} />}
      </section>
      <div class="halves">
        <Facts detail={data} />
        <Deliveries live={live} deliveries={data.deliveries} reload={reload} />
      </div>
      <Runs live={live} recording={data} />
      {data.related.length > 0 && <Related related={data.related} />}
      <Events events={data.events} />
    </>
  );
}

/** The page on which its package is watched, in a frame. */
function Watch({ page }: { page: string }) {
  return (
    <section class="card" aria-labelledby="watch">
      <h2 id="watch">Watch</h2>
      <iframe class="watch-frame" src={page} title="Player" allow="fullscreen" loading="lazy" />
      <p class="small">
        <a href={page} target="_blank" rel="noreferrer">
          Open the page by itself
        </a>
      </p>
    </section>
  );
}

function Attempts({ detail: { attempts, steps } }: { detail: RecordingDetail }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of the keyboard
    <section class="scroll" tabIndex={0} aria-label="Attempts">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Attempt</th>
            <th scope="col">Began</th>
            <th scope="col">Took</th>
            <th scope="col">Outcome</th>
            <th scope="col">Stages</th>
          </tr>
        </thead>
        <tbody>
          {attempts.map((attempt) => (
            <tr key={attempt.number}>
              <td class="number">{attempt.number}</td>
              <td>
                <When at={attempt.started_at} />
              </td>
              <td class="number">{attempt.ended_at ? took(attempt.started_at, attempt.ended_at) : '–'}</td>
              <td>
                {OUTCOME_WORDS[attempt.outcome]}
                {attempt.error && <span class="small muted wrap"> {attempt.error.title}</span>}
              </td>
              <td class="small">
                {attempt.stages.map(({ stage, started_at, done_at }) => (
                  <span key={stage} class="chip">
                    {stepWords(steps, stage)}{' '}
                    <span class="muted number">
                      {done_at
                        ? took(started_at, done_at)
                        : attempt.outcome === 'running'
                          ? 'goes on'
                          : 'not done'}
                    </span>
                  </span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Facts({ detail }: { detail: RecordingDetail }) {
  const { archive, ace_id, bytes, details, facts, started_at, ended_at, failed_attempts } = detail;
  const proved = (name: string) =>
    Object.values(facts)
      .map((fact) => fact[name])
      .find((value) => typeof value === 'string');
  const [mediaType, sha1] = [proved('media_type'), proved('sha1')];
  return (
    <section class="card" aria-labelledby="facts">
      <h2 id="facts">Facts</h2>
      <dl class="facts">
        <Fact name="Id">
          <Copyable text={detail.id} label="the id" />
        </Fact>
        {ace_id && (
          <Fact name="ace_id">
            <Copyable text={ace_id} label="the ace_id" />
          </Fact>
        )}
        {bytes !== null && <Fact name="Size">{formatBytes(bytes)}</Fact>}
        {mediaType !== undefined && <Fact name="Kind">{mediaType}</Fact>}
        {started_at && (
          <Fact name="First began">
            <When at={started_at} />
          </Fact>
        )}
        {ended_at && (
          <Fact name="Ended">
            <When at={ended_at} />
          </Fact>
        )}
        {failed_attempts > 0 && <Fact name="Failed attempts">{failed_attempts}</Fact>}
        {detail.videos.map(({ publisher, video_id, player_url, playable }) => (
          <Fact key={video_id} name={capitalized(publisherWords(publisher))}>
            <a href={player_url} target="_blank" rel="noreferrer">
              {playable ? 'Watch' : 'Watch (still being encoded)'}
            </a>{' '}
            <Copyable text={video_id} label="the video id" />
          </Fact>
        ))}
        {archive && (
          <Fact name={capitalized(storeWords(archive.store))}>
            <Copyable text={`${archive.bucket}/${archive.file_name}`} label="the name in the archive" />
          </Fact>
        )}
        {detail.archives.map(({ store, path }) => (
          <Fact key={`${store} ${path}`} name={capitalized(storeWords(store))}>
            <Copyable text={path} label="the path" />
          </Fact>
        ))}
        {sha1 !== undefined && (
          <Fact name="SHA-1">
            <code class="wrap">{sha1}</code>
          </Fact>
        )}
        {Object.entries(details)
          .filter(([, value]) => value !== null && value !== '')
          .map(([name, value]) => (
            <Fact key={name} name={name.replace(/_/g, ' ')}>
              {isTime(value) ? <When at={value} /> : <span class="wrap">{String(value)}</span>}
            </Fact>
          ))}
      </dl>
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt class="muted">{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Deliveries(props: { live: Live; deliveries: readonly DeliveryView[]; reload: () => void }) {
  const { deliveries, reload } = props;
  const replay = ({ id, type }: DeliveryView) =>
    postJson(`/api/deliveries/${encodeURIComponent(id)}/replay`).then(() => {
      notify(`The website is told ${type} again.`);
      reload();
      // It is heard in its own time, of which nothing is told here.
      setTimeout(reload, 2000);
    }, notifyProblem);
  return (
    <section class="card" aria-labelledby="deliveries" data-home tabIndex={-1}>
      <h2 id="deliveries">What the website is told</h2>
      {deliveries.length === 0 && <Empty>Nothing yet.</Empty>}
      <ul class="rows">
        {deliveries.map((delivery) => (
          <DeliveryRow
            key={delivery.id}
            delivery={delivery}
            at={delivery.ended_at}
            replay={() => replay(delivery)}
          />
        ))}
      </ul>
    </section>
  );
}

/** The other recordings of the same meeting, and what belongs to them. */
function Related({ related }: { related: RecordingDetail['related'] }) {
  return (
    <section class="card" aria-labelledby="related">
      <h2 id="related">Of the same meeting</h2>
      <ul class="rows">
        {related.map(({ id, companion, state, title }) => (
          <li key={id} class="row">
            <p class="row-words row-title">
              <Link href={`/recordings/${encodeURIComponent(id)}`}>
                <bdi>{title}</bdi>
              </Link>
              {companion && (
                <>
                  {' '}
                  <span class="tag">{companion.replaceAll('_', ' ')}</span>
                </>
              )}
            </p>
            <span class="muted">{STATE_WORDS[state]}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Events({ events }: { events: readonly EventView[] }) {
  return (
    <section class="card" aria-labelledby="events">
      <h2 id="events">History</h2>
      <ol class="events">
        {[...events].reverse().map(({ seq, at, type, words, data }) => (
          <li key={seq}>
            <time class="number muted small" dateTime={at} title={formatExact(new Date(at))}>
              {formatMoment(new Date(at))}
            </time>
            <div>
              <p>
                {withName(eventWords({ type, words, data }), data['by'])}
                {typeof data['times'] === 'number' && typeof data['sinceMs'] === 'number' && (
                  <>
                    , {formatCount(data['times'])} times since {formatMoment(new Date(data['sinceMs']))}
                  </>
                )}
              </p>
              {typeof data['message'] === 'string' && <p class="small muted wrap">{data['message']}</p>}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value);
}

function took(from: string, to: string): string {
  return formatDuration(Date.parse(to) - Date.parse(from));
}
