import { formatBytes, formatLeft } from '../shared/format.ts';
import { useStore } from '../shared/store.ts';
import { Actions } from './actions.tsx';
import type { Live } from './live.ts';
import { type Pace, paceOf } from './pace.ts';
import { Empty, Title, When } from './parts.tsx';
import type { MovingView, Progress, StatusView, StepView } from './types.ts';
import { serviceWords, sourceWords } from './vocabulary.ts';
import { stateWords } from './words.ts';

/** The recording that moves now, if there is one. */
export function Moving({
  live,
  held,
}: {
  live: Live;
  /** How many wait for anything but their turn. */
  held: number | undefined;
}) {
  const moving = useStore(live.state, ({ status }) => status?.moving);
  const status = useStore(live.state, (all) => all.status);
  const left = useStore(live.state, (all) => all.status && leftWords(all.status));
  if (!moving) return <Empty>{restWords(status, held)}</Empty>;
  return (
    <>
      <div class="moving-head">
        <p class="title">
          <Title recording={moving} />
        </p>
        <p class="small muted">
          {stateWords(moving)} · {sourceWords(moving.source)}
          {moving.bytes !== null && <> · {formatBytes(moving.bytes)}</>}
          {moving.started_at !== null && (
            <>
              {' '}
              · began <When at={moving.started_at} />
            </>
          )}
        </p>
      </div>
      <Legs live={live} recording={moving} />
      {left !== undefined && <p class="small muted line-left">{left}</p>}
      <Actions live={live} recording={moving} />
    </>
  );
}

/** What is left of the line, where there is more than what moves. */
function leftWords({ line, counts }: StatusView): string | undefined {
  const { left_s: leftS, left_bytes: leftBytes } = line;
  if (!counts.waiting || !leftS || leftBytes === null) return undefined;
  return `The whole line: ${formatBytes(leftBytes)}, about ${formatLeft(leftS)}`;
}

/** Why nothing moves; that all is well is said only where all is seen to be. */
function restWords(status: StatusView | undefined, held: number | undefined): string {
  if (status === undefined) return 'It is not known yet whether anything moves.';
  if (status.paused) return 'Nothing moves: the line is paused.';
  const trouble = status.troubles.find(({ blocking }) => blocking);
  if (trouble !== undefined) return `Nothing moves. ${trouble.title}.`;
  const left = status.services.filter(({ service, state }) => service !== 'site' && state === 'open');
  if (left.length > 0) {
    const names = left.map(({ service }) => serviceWords(service)).join(' and ');
    return `Nothing moves. What needs ${names} waits until it answers again.`;
  }
  if (status.disk.free_bytes <= status.disk.reserve_bytes)
    return 'Nothing moves. Downloads wait for room on the disk.';
  if (held === undefined) return 'Nothing moves at this moment.';
  if (held > 0) return 'Nothing moves. What waits stands below, with its reason.';
  return (status.counts.waiting ?? 0) > 0
    ? 'Nothing moves at this moment.'
    : 'Nothing moves. What comes in begins at once.';
}

/** One bar per step that says how far it is, with its speed and the time that it will still take. */
export function Legs({ live, recording }: { live: Live; recording: Pick<MovingView, 'id' | 'steps'> }) {
  const told = useStore(live.state, ({ progress }) => progress[recording.id]);
  return (
    <ul class="legs">
      {barsOf(recording.steps, told).map(({ id, words, done }) => (
        <LegBar key={id} label={words} pace={paceOf(told, id)} isDone={done} />
      ))}
    </ul>
  );
}

/** The steps of its plan that say how far they are, and whatever else has said so. */
function barsOf(
  steps: readonly StepView[],
  told: Progress | undefined,
): Pick<StepView, 'id' | 'words' | 'done'>[] {
  const telling = Object.keys({ ...told?.legs, ...told?.encodings });
  const others = telling.filter((id) => !steps.some((step) => step.id === id));
  return [
    ...steps.filter(({ id, reports }) => reports !== null || telling.includes(id)),
    ...others.map((id) => ({ id, words: id, done: false })),
  ];
}

function LegBar({ label, pace, isDone }: { label: string; pace: Pace | undefined; isDone: boolean }) {
  return (
    <li>
      <div class="leg-head">
        <span>{label}</span>
        <span class="muted number small">{isDone ? 'done' : (pace?.words ?? 'about to begin')}</span>
      </div>
      <Bar label={label} share={isDone ? 1 : (pace?.share ?? 0)} />
    </li>
  );
}

/** @param share 0 to 1 */
export function Bar({ label, share }: { label: string; share: number }) {
  return (
    <div
      class="bar"
      role="progressbar"
      aria-label={label}
      aria-valuenow={Math.min(100, Math.floor(share * 100))}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <span style={{ width: `${share * 100}%` }} />
    </div>
  );
}
