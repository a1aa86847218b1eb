import { useState } from 'preact/hooks';
import { clock } from './clock.ts';
import { ask, type JobView } from './graphql.ts';
import { useMayAct } from './me.tsx';
import { Bar } from './moving.tsx';
import { notify, notifyProblem } from './notices.tsx';
import { Dot, Empty } from './parts.tsx';
import { Link } from './router.tsx';

const TONES = {
  PENDING: 'calm',
  PROCESSING: 'busy',
  COMPLETED: 'good',
  FAILED: 'bad',
  CANCELLED: 'warn',
} as const;

const WORDS = {
  PENDING: 'Waits',
  PROCESSING: 'Goes on',
  COMPLETED: 'Done',
  FAILED: 'Failed',
  CANCELLED: 'Cancelled',
} as const;

/** What is made of an asset, the newest first, with what can be done about it. */
export function AssetJobs({ jobs, reload }: { jobs: readonly JobView[]; reload: () => void }) {
  if (jobs.length === 0) return <Empty>Nothing was made of it yet.</Empty>;
  return (
    <ul class="rows dense" aria-label="Jobs">
      {jobs.map((job) => (
        <JobRow key={job.id} job={job} reload={reload} />
      ))}
    </ul>
  );
}

function JobRow({ job, reload }: { job: JobView; reload: () => void }) {
  const mayAct = useMayAct();
  const [isBusy, setBusy] = useState(false);
  const { id, presetId, status, progress, error, output, outputUrl, startsAt, endsAt } = job;
  const name = presetId ?? 'A part';

  async function act(deed: 'cancelJob' | 'retryJob'): Promise<void> {
    setBusy(true);
    try {
      await ask(`mutation ($id: ID!) { ${deed}(id: $id) { id } }`, { id });
      notify(deed === 'cancelJob' ? `${name} is cancelled.` : `${name} begins anew.`);
      reload();
    } catch (problem) {
      notifyProblem(problem);
    } finally {
      setBusy(false);
    }
  }

  return (
    <li class="row">
      <div class="row-words">
        <p class="row-title">
          <Link href={`/recordings/${encodeURIComponent(id)}`}>{name}</Link>{' '}
          <span class="badge">
            <Dot tone={TONES[status]} />
            {WORDS[status]}
          </span>
        </p>
        {status === 'PROCESSING' && <Bar label={`${name}: how far it is`} share={progress / 100} />}
        {startsAt !== null && endsAt !== null && (
          <p class="small muted number">
            From {clock(startsAt)} to {clock(endsAt)}
          </p>
        )}
        {error !== null && <p class="small wrap bad-words">{error}</p>}
        {output !== null && (
          <p class="small wrap">
            {outputUrl === null ? <code>{output}</code> : <a href={outputUrl}>{output}</a>}
          </p>
        )}
      </div>
      {mayAct && (status === 'PENDING' || status === 'PROCESSING') && (
        <div class="actions">
          <button
            type="button"
            aria-label={`Cancel ${name}`}
            aria-disabled={isBusy}
            onClick={() => isBusy || act('cancelJob')}
          >
            Cancel
          </button>
        </div>
      )}
      {mayAct && (status === 'FAILED' || status === 'CANCELLED') && (
        <div class="actions">
          <button
            type="button"
            aria-label={`Try ${name} again`}
            aria-disabled={isBusy}
            onClick={() => isBusy || act('retryJob')}
          >
            Try again
          </button>
        </div>
      )}
    </li>
  );
}

/** Has something made of an asset by a preset. */
export function MakeJob({
  assetId,
  presets,
  reload,
}: {
  assetId: string;
  presets: readonly string[];
  reload: () => void;
}) {
  const [preset, setPreset] = useState('');
  const [isBusy, setBusy] = useState(false);

  async function make(): Promise<void> {
    setBusy(true);
    try {
      await ask('mutation ($input: JobInput!) { createJob(input: $input) { id } }', {
        input: { sourceAssetId: assetId, presetId: preset },
      });
      notify(`${preset} is asked for.`);
      reload();
    } catch (problem) {
      notifyProblem(problem);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form
      class="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBusy) void make();
      }}
    >
      <label>
        Make of it
        <select required value={preset} onChange={(event) => setPreset(event.currentTarget.value)}>
          <option value="">Choose a preset</option>
          {presets.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" class="primary" aria-disabled={isBusy}>
        Make it
      </button>
    </form>
  );
}
