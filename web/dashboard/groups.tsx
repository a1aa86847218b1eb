import { useState } from 'preact/hooks';
import { formatCount } from '../shared/format.ts';
import { Actions } from './actions.tsx';
import { postJson } from './api.ts';
import type { Live } from './live.ts';
import { useMayAct } from './me.tsx';
import { notify, notifyProblem } from './notices.tsx';
import { Companions, folded, Title, When } from './parts.tsx';
import { Link } from './router.tsx';
import type { CauseView, RecordingView } from './types.ts';
import { causeAddress, heldWords } from './words.ts';

/** What was given up, by what it has met: why, what to do, and one button for all. */
export function FailedGroup({ live, cause }: { live: Live; cause: CauseView }) {
  const { title, advice, code, count, retry_can_help, recordings } = cause;
  return (
    <li class="group">
      <div class="group-head">
        <h3>
          {title} {count > 1 && <span class="muted number">({formatCount(count)})</span>}
        </h3>
        {count > 1 && retry_can_help && (
          <RetryAll
            live={live}
            words={`Try all ${formatCount(count)} again`}
            what={{ state: 'failed', ...(code === null ? {} : { code }) }}
            isPrimary
          />
        )}
      </div>
      <p class="small muted">
        {advice} {!retry_can_help && 'Trying again cannot help.'}
      </p>
      <ul class="rows dense">
        {recordings.map((recording) => (
          <li key={recording.id} class="row">
            <div class="row-words">
              <p class="row-title one-line">
                <Title recording={recording} />
              </p>
              <p class="small muted one-line" title={recording.last_error?.message}>
                {recording.ended_at && <When at={recording.ended_at} />} · {recording.last_error?.message}
              </p>
            </div>
            <Actions
              live={live}
              recording={recording}
              only={[retry_can_help ? 'retry' : 'cancel']}
              isPlain={count > 1}
            />
          </li>
        ))}
      </ul>
      <ShowAll cause={cause} />
    </li>
  );
}

/** What waits for anything but its turn, by what for. */
export function HeldGroup({ live, cause }: { live: Live; cause: CauseView }) {
  const { reason, count, recordings, advice, code } = cause;
  return (
    <li class="group">
      <div class="group-head">
        <h3>{heldWords(cause)}</h3>
        {reason === 'set-aside' && count > 1 && (
          <RetryAll
            live={live}
            words={`Put all ${formatCount(count)} back in line`}
            what={{ state: 'set-aside' }}
          />
        )}
      </div>
      {code !== null && <p class="small muted">{advice}</p>}
      <ul class="rows dense">
        {folded(recordings).map(({ recording, companions }) => (
          <li key={recording.id} class="row">
            <div class="row-words">
              <p class="row-title one-line">
                <Title recording={recording} />
              </p>
              <Until recording={recording} />
              <Companions recording={recording} companions={companions} />
            </div>
            <Actions live={live} recording={recording} only={['retry']} />
          </li>
        ))}
      </ul>
      <ShowAll cause={cause} />
    </li>
  );
}

function Until({ recording: { state, not_before, last_error } }: { recording: RecordingView }) {
  if (state === 'set-aside' || not_before === null) return null;
  return (
    <p class="small muted one-line" title={last_error?.message}>
      {last_error ? 'Tried again at' : 'Not before'} <When at={not_before} />
      {last_error && last_error.code !== 'SERVICE_DOWN' && ` · ${last_error.message}`}
    </p>
  );
}

function ShowAll({ cause }: { cause: CauseView }) {
  const { count, recordings } = cause;
  if (count <= recordings.length) return null;
  return (
    <p class="small">
      <Link href={causeAddress(cause)}>Show all {formatCount(count)}</Link>
    </p>
  );
}

function RetryAll(props: {
  live: Live;
  words: string;
  what: { state: 'failed' | 'set-aside'; code?: string };
  isPrimary?: boolean;
}) {
  const mayAct = useMayAct();
  const [isBusy, setBusy] = useState(false);
  const retry = async () => {
    setBusy(true);
    try {
      const { retried } = await postJson<{ retried: number }>('/api/recordings/retry', props.what);
      notify(retried === 1 ? '1 recording goes on.' : `${formatCount(retried)} recordings go on.`);
      props.live.refresh();
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  };
  if (!mayAct) return null;
  return (
    <button
      type="button"
      class={props.isPrimary ? 'primary' : ''}
      aria-disabled={isBusy}
      onClick={() => isBusy || retry()}
    >
      {props.words}
    </button>
  );
}
