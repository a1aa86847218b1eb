import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { formatExact, formatTime } from '../shared/format.ts';
import type { ApiProblem } from './api.ts';
import { Link } from './router.tsx';
import type { ErrorView, RecordingView, State } from './types.ts';
import { companionWords, STATE_WORDS, stateWords } from './words.ts';

/* Small pieces that several views are made of. */

/** A time as short as it can be told, and exactly on request. */
export function When({ at }: { at: string }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={formatExact(date)} class="number">
      {formatTime(date)}
    </time>
  );
}

type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'calm';

const TONES: Readonly<Record<State, Tone>> = {
  waiting: 'calm',
  moving: 'busy',
  'backing-off': 'warn',
  'set-aside': 'warn',
  cancelling: 'warn',
  deleting: 'warn',
  done: 'good',
  failed: 'bad',
  cancelled: 'calm',
  deleted: 'calm',
};

/** A dot of a colour, never without the words beside it. */
export function Dot({ tone }: { tone: Tone }) {
  return <span class={`dot ${tone}`} aria-hidden="true" />;
}

export function StateBadge({ recording }: { recording: RecordingView }) {
  return (
    <span class="badge" data-state={recording.state}>
      <Dot tone={TONES[recording.state]} />
      {stateWords(recording)}
    </span>
  );
}

/** A title with the way to its recording, in whichever direction it is written; of a companion what it is. */
export function Title({ recording }: { recording: RecordingView }) {
  const companion = companionWords(recording);
  return (
    <>
      <Link href={`/recordings/${recording.id}`}>
        <bdi>{recording.title}</bdi>
        {companion && <span class="hidden-text">, {companion}</span>}
      </Link>
      {companion && (
        <>
          {' '}
          <span class="tag" aria-hidden="true">
            {companion}
          </span>
        </>
      )}
    </>
  );
}

/** The companions that stand under their video; one that stands otherwise says how. */
export function Companions({
  recording,
  companions,
}: {
  recording: RecordingView;
  companions: readonly RecordingView[];
}) {
  if (companions.length === 0) return null;
  return (
    <p class="small muted">
      with{' '}
      {companions.map((each, index) => (
        <span key={each.id}>
          {index > 0 && ', '}
          <Link href={`/recordings/${each.id}`} aria-label={`${companionWords(each)} of ${recording.title}`}>
            {companionWords(each)}
          </Link>
          {each.state !== recording.state && ` (${STATE_WORDS[each.state].toLowerCase()})`}
        </span>
      ))}
    </p>
  );
}

/** Recordings in their order, companions under their video where that is among them. */
export function folded(
  recordings: readonly RecordingView[],
): { recording: RecordingView; companions: RecordingView[] }[] {
  const ids = new Set(recordings.map(({ id }) => id));
  const isUnder = ({ of_video }: RecordingView) => of_video !== null && ids.has(of_video.id);
  return recordings
    .filter((each) => !isUnder(each))
    .map((recording) => ({
      recording,
      companions: recordings.filter(({ of_video }) => of_video?.id === recording.id),
    }));
}

/** Why something has failed, in plain words; the service's own words on request. */
export function Reason({ error }: { error: ErrorView }) {
  return (
    <div class="reason">
      <p>
        <strong>{error.title}</strong> {error.advice}
      </p>
      <p class="small muted wrap">
        {error.message} <code>{error.code}</code>
      </p>
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div class="loading" role="status">
      <span class="hidden-text">Loading {what}</span>
      <span class="shade" />
      <span class="shade" />
      <span class="shade" />
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty muted">{children}</p>;
}

/** What could not be read, and how to go on. */
export function Trouble({ problem, retry }: { problem: ApiProblem; retry: () => void }) {
  return (
    <div class="trouble" role="alert">
      <p>
        <strong>{problem.message}</strong> {problem.advice}
      </p>
      <button type="button" onClick={retry}>
        Read again
      </button>
    </div>
  );
}

/** A text with a button that copies it. */
export function Copyable({ text, label }: { text: string; label: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  return (
    <span class="copyable">
      <code class="wrap">{text}</code>
      {navigator.clipboard !== undefined && (
        <button
          type="button"
          class="quiet"
          aria-label={`Copy ${label}`}
          onClick={() =>
            navigator.clipboard.writeText(text).then(
              () => setCopied(true),
              () => {},
            )
          }
        >
          {isCopied ? 'Copied' : 'Copy'}
        </button>
      )}
    </span>
  );
}

/** The time, told anew every so often while something goes on. */
export function useNow(everyMs: number | undefined): number {
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => setNowMs(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}
