import { useState } from 'preact/hooks';
import { formatBytes, formatDuration } from '../shared/format.ts';
import { useStore } from '../shared/store.ts';
import { postJson } from './api.ts';
import type { Live } from './live.ts';
import { useMayAct } from './me.tsx';
import { Bar } from './moving.tsx';
import { notify, notifyProblem } from './notices.tsx';
import { paceOf } from './pace.ts';
import { Dot, Reason } from './parts.tsx';
import type { OutputView, Progress, RecordingDetail, StepView } from './types.ts';

/** The steps of a run, each under the one that it needs first: how far they are, what they have made and cost, or why not. */
export function StepTree({
  live,
  detail,
  reload,
}: {
  live: Live;
  detail: RecordingDetail;
  reload: () => void;
}) {
  const told = useStore(live.state, ({ progress }) => progress[detail.id]);
  const progress = detail.state === 'moving' ? told : undefined;
  const roots = detail.steps.filter((step) => parentOf(step, detail) === undefined);
  return (
    <section class="card" aria-labelledby="steps">
      <h2 id="steps">Steps</h2>
      <Branch steps={roots} of={{ live, detail, progress, reload }} />
    </section>
  );
}

interface Tree {
  readonly live: Live;
  readonly detail: RecordingDetail;
  readonly progress: Progress | undefined;
  readonly reload: () => void;
}

function parentOf({ needs }: StepView, { steps }: RecordingDetail): string | undefined {
  return needs.find((id) => steps.some((step) => step.id === id));
}

function Branch({ steps, of }: { steps: readonly StepView[]; of: Tree }) {
  if (steps.length === 0) return null;
  return (
    <ul class="tree">
      {steps.map((step) => (
        <li key={step.id}>
          <StepLine step={step} of={of} />
          <Branch steps={of.detail.steps.filter((each) => parentOf(each, of.detail) === step.id)} of={of} />
        </li>
      ))}
    </ul>
  );
}

const TONES = {
  done: 'good',
  waiting: 'calm',
  running: 'busy',
  encoding: 'busy',
  uploading: 'busy',
  failed: 'bad',
  revoked: 'warn',
} as const;

const WORDS = {
  done: 'done',
  waiting: 'not yet',
  running: 'goes on',
  encoding: 'is encoded',
  uploading: 'is sent',
  failed: 'failed',
  revoked: 'revoked',
} as const;

function StepLine({ step, of: { live, detail, progress, reload } }: { step: StepView; of: Tree }) {
  const output = detail.outputs.find((each) => each.step === step.id);
  const state = output?.state ?? plainState(step, detail);
  const pace = state === 'done' ? undefined : paceOf(progress, step.id);
  return (
    <>
      <div class="leg-head">
        <span>
          <Dot tone={TONES[state]} /> {step.words} <code class="small muted">{step.id}</code>
        </span>
        <span class="muted number small">{pace?.words ?? [WORDS[state], took(step, detail)].join('')}</span>
      </div>
      {pace && <Bar label={step.words} share={pace.share} />}
      {output && <Made output={output} />}
      {output && <OutputDeeds live={live} id={detail.id} output={output} reload={reload} />}
    </>
  );
}

function plainState({ id, done }: StepView, { stages, state }: RecordingDetail): keyof typeof WORDS {
  if (done) return 'done';
  const hasBegun = (stages[id]?.started_at ?? null) !== null;
  return hasBegun && state === 'moving' ? 'running' : 'waiting';
}

function took({ id, done }: StepView, { stages }: RecordingDetail): string {
  const { started_at = null, done_at = null } = stages[id] ?? {};
  if (!done || started_at === null || done_at === null) return '';
  return ` in ${formatDuration(Date.parse(done_at) - Date.parse(started_at))}`;
}

/** What an output has made, and what that has cost; or why it is not there. */
function Made({ output: { state, files, bytes, cost, error, failed_attempts } }: { output: OutputView }) {
  const spent =
    cost === null
      ? []
      : [
          `${formatDuration(cost.cpu_s * 1000)} of processor time in ${formatDuration(cost.wall_s * 1000)}`,
          `${formatBytes(cost.peak_rss_bytes)} of memory`,
        ];
  const made = [...(bytes === null ? [] : [formatBytes(bytes)]), ...spent].join(' · ');
  return (
    <div class="made">
      {made !== '' && <p class="small muted number">{made}</p>}
      {files.length > 0 && (
        <p class="small">
          {files.map(({ key, address }) => {
            const name = key.slice(key.lastIndexOf('/') + 1);
            return address === null ? (
              <span key={key} class="chip">
                {name}
              </span>
            ) : (
              <a key={key} class="chip" href={address} target="_blank" rel="noreferrer">
                {name}
              </a>
            );
          })}
        </p>
      )}
      {error && state !== 'done' && state !== 'revoked' && (
        <div class="small">
          {failed_attempts > 0 && state !== 'failed' && <p class="muted">Is tried again.</p>}
          <Reason error={error} />
        </div>
      )}
    </div>
  );
}

/** The buttons for one output. */
function OutputDeeds(props: { live: Live; id: string; output: OutputView; reload: () => void }) {
  const { live, id, output, reload } = props;
  const { step, label, state } = output;
  const [isBusy, setBusy] = useState(false);
  if (!useMayAct()) return null;

  async function act(deed: 'retry' | 'revoke', words: string): Promise<void> {
    setBusy(true);
    try {
      await postJson(`/api/recordings/${encodeURIComponent(id)}/outputs/${step}/${deed}`);
      notify(`${label} ${words}.`);
      live.refresh();
      reload();
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  }

  const isEnded = state === 'failed' || state === 'revoked';
  const [again, away] = [
    state === 'failed' ? 'Try again' : 'Make it after all',
    state === 'done' ? 'Remove' : 'Revoke',
  ];
  return (
    <div class="actions">
      {isEnded && (
        <button
          type="button"
          disabled={isBusy}
          aria-label={`${again}: ${step}`}
          onClick={() => act('retry', 'is made')}
        >
          {again}
        </button>
      )}
      {state !== 'revoked' && (
        <button
          type="button"
          disabled={isBusy}
          class="quiet"
          aria-label={`${away}: ${step}`}
          onClick={() => act('revoke', 'is revoked')}
        >
          {away}
        </button>
      )}
    </div>
  );
}
