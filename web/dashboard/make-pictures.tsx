import { useRef, useState } from 'preact/hooks';
import { type AssetView, ask, isOpen, type PlayerView } from './graphql.ts';
import { useMayAct } from './me.tsx';
import { Bar } from './moving.tsx';
import { notifyProblem } from './notices.tsx';

/** What an asset is shown by and lacks: a button that has all of it made, how far that is, and why it could not be made. */
export function MakePictures({
  asset: { id, status, jobs, player },
  reload,
}: {
  asset: AssetView & { readonly player: PlayerView };
  reload: () => void;
}) {
  const mayAct = useMayAct();
  const [isBusy, setBusy] = useState(false);
  const whole = useRef<HTMLDivElement>(null);
  const lacks = player.missing.map((preset) => ({
    preset,
    job: jobs.find(({ presetId }) => presetId === preset),
  }));
  const underWay = lacks.flatMap(({ job }) => (job !== undefined && isOpen(job) ? job : []));
  const failed = lacks.flatMap(({ job }) => (job?.status === 'FAILED' ? job : []));
  const wanted = lacks.flatMap(({ preset, job }) => (job !== undefined && isOpen(job) ? [] : preset));
  const isOffered = mayAct && status === 'ready' && wanted.length > 0;

  async function make(): Promise<void> {
    setBusy(true);
    const hadFocus = whole.current?.contains(document.activeElement);
    try {
      await ask(mutationFor(wanted.length), {
        id,
        ...Object.fromEntries(wanted.map((preset, at) => [`preset${at}`, preset])),
      });
    } catch (problem) {
      notifyProblem(problem);
    } finally {
      setBusy(false);
      // The button goes away: whoever has pressed it by keys goes on from here.
      if (hadFocus) whole.current?.focus();
      reload();
    }
  }

  return (
    <div class="make-pictures" ref={whole} tabIndex={-1}>
      {isOffered && (
        <div class="actions">
          <button type="button" aria-disabled={isBusy} onClick={() => isBusy || make()}>
            Make pictures
          </button>
          <p class="small muted">For this page: {wanted.join(', ')}.</p>
        </div>
      )}
      <p class="hidden-text" role="status">
        {underWay.length > 0 && `Being made: ${underWay.map(({ presetId }) => presetId).join(', ')}.`}
      </p>
      {underWay.length > 0 && (
        <ul class="legs" aria-label="Pictures that are being made">
          {underWay.map((job) => (
            <li key={job.id}>
              <div class="leg-head">
                <span>{job.presetId}</span>
                <span class="muted number small">
                  {job.status === 'PENDING' ? 'waits' : `${job.progress} %`}
                </span>
              </div>
              <Bar label={`${job.presetId}: how far it is`} share={job.progress / 100} />
            </li>
          ))}
        </ul>
      )}
      {failed.map((job) => (
        <p key={job.id} class="small wrap bad-words">
          {job.presetId}: {job.error}
        </p>
      ))}
    </div>
  );
}

/** All jobs in one request, so that none is offered anew while others are asked for. */
function mutationFor(count: number): string {
  const places = Array.from({ length: count }, (_, at) => at);
  const jobs = places.map(
    (at) => `job${at}: createJob(input: { sourceAssetId: $id, presetId: $preset${at} }) { id }`,
  );
  return `mutation ($id: ID!, ${places.map((at) => `$preset${at}: ID!`).join(', ')}) { ${jobs.join(' ')} }`;
}
