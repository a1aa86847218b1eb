import { useState } from 'preact/hooks';
import { formatDuration } from '../shared/format.ts';
import { Actions } from './actions.tsx';
import { getJson, postJson } from './api.ts';
import type { Live } from './live.ts';
import { useMayAct } from './me.tsx';
import { notify, notifyProblem } from './notices.tsx';
import { Empty, Loading, StateBadge, Trouble, When } from './parts.tsx';
import { useResource } from './resource.ts';
import { Link } from './router.tsx';
import type { PresetView, RecipeView, RecordingDetail, RecordingView } from './types.ts';

/** How many runs of a recording are shown, the newest first. */
const SHOWN = 20;

/** By what a run can go. */
interface Ways {
  readonly recipes: readonly RecipeView[];
  readonly presets: readonly PresetView[];
}

const addressOf = (id: string) => `/recordings/${encodeURIComponent(id)}`;
/** The recipe, or the presets with their versions. */
const recipeOf = ({ details }: RecordingView) => String(details['presets'] ?? details['recipe'] ?? '');

/** Of a further run: which recording it is a run of. */
export function RunOf({ live, recording }: { live: Live; recording: RecordingView }) {
  const { run_of, reference } = recording;
  if (run_of === null) return null;
  return (
    <p>
      <span class="tag">run</span> of{' '}
      <Link href={addressOf(run_of)}>
        <TitleOf live={live} id={run_of} />
      </Link>
      , by <code>{recipeOf(recording)}</code>
      {reference !== null && (
        <>
          {' '}
          · reference <bdi class="wrap">{reference}</bdi>
        </>
      )}
    </p>
  );
}

function TitleOf({ live, id }: { live: Live; id: string }) {
  const key = `/api${addressOf(id)}`;
  const { data } = useResource<RecordingDetail>({
    key,
    live,
    load: (signal) => getJson(key, signal),
    onNews: ({ recording_id }) => recording_id === id,
  });
  return <bdi>{data?.title ?? id}</bdi>;
}

/** The further runs of a recording, and the form that starts one. */
export function Runs({ live, recording }: { live: Live; recording: RecordingDetail }) {
  const { id, archive, archives } = recording;
  const mayAct = useMayAct();
  const {
    data: runs,
    problem,
    reload,
  } = useResource<readonly RecordingDetail[]>({
    key: `/api/runs?recording_id=${encodeURIComponent(id)}`,
    live,
    async load(signal) {
      const address = `/api/runs?recording_id=${encodeURIComponent(id)}&limit=${SHOWN}`;
      const { runs } = await getJson<{ runs: RecordingView[] }>(address, signal);
      return await Promise.all(
        runs.map((run) => getJson<RecordingDetail>(`/api${addressOf(run.id)}`, signal)),
      );
    },
    onNews: (news) => news.recording?.run_of === id,
  });
  const { data: ways } = useResource<Ways>({
    key: '/api/recipes',
    live,
    load: async (signal) => ({
      ...(await getJson<Pick<Ways, 'recipes'>>('/api/recipes', signal)),
      ...(await getJson<Pick<Ways, 'presets'>>('/api/presets', signal)),
    }),
    onNews: () => false,
  });
  // A run begins from the archived file, and is none of another run.
  if (recording.run_of !== null) return null;
  const isHome = archive !== null || archives.length > 0;
  return (
    <section class="card" aria-labelledby="runs" data-home tabIndex={-1}>
      <h2 id="runs">Further runs</h2>
      {problem && runs === undefined && <Trouble problem={problem} retry={reload} />}
      {runs === undefined && !problem && <Loading what="the runs" />}
      {runs?.length === 0 && (
        <Empty>
          {isHome ? 'None yet.' : 'None: a run begins from the archived file, which is not there yet.'}
        </Empty>
      )}
      <ul class="rows runs">
        {runs?.map((run) => (
          <Run key={run.id} live={live} run={run} />
        ))}
      </ul>
      {isHome && mayAct && ways && <Start id={id} ways={ways} onStarted={reload} />}
    </section>
  );
}

function Run({ live, run }: { live: Live; run: RecordingDetail }) {
  return (
    <li class="row">
      <div class="row-words">
        <p class="row-title">
          <Link href={addressOf(run.id)} aria-label={`Run by ${recipeOf(run)}, ${run.id}`}>
            <code>{recipeOf(run)}</code>
          </Link>
        </p>
        <p class="small muted">
          <StateBadge recording={run} /> · asked for <When at={run.accepted_at} />
          {run.reference !== null && (
            <>
              {' '}
              · <bdi class="wrap">{run.reference}</bdi>
            </>
          )}
        </p>
        {run.last_error && run.state !== 'done' && (
          <p class="small wrap">
            <strong>{run.last_error.title}</strong> {run.last_error.advice}
          </p>
        )}
        <p class="small">
          {stepsOf(run).map(({ id, label, words }) => (
            <span key={id} class="chip">
              {label} <span class="muted number">{words}</span>
            </span>
          ))}
        </p>
      </div>
      <Actions live={live} recording={run} only={['retry', 'cancel']} />
    </li>
  );
}

/** The steps of a run, those that have not begun included. */
function stepsOf(run: RecordingDetail) {
  return run.steps.map(({ id, label }) => ({ id, label, words: stepWords(run, id) }));
}

function stepWords({ stages, state }: RecordingDetail, id: string): string {
  const { started_at = null, done_at = null } = stages[id] ?? {};
  if (started_at === null) return 'not yet';
  if (done_at !== null) return formatDuration(Date.parse(done_at) - Date.parse(started_at));
  return state === 'moving' ? 'goes on' : 'not done';
}

function Start(props: { id: string; ways: Ways; onStarted: () => void }) {
  const { id, onStarted } = props;
  const { recipes, presets } = props.ways;
  const [recipe, setRecipe] = useState('');
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [isBusy, setBusy] = useState(false);

  async function start(): Promise<void> {
    setBusy(true);
    try {
      const way = chosen.length > 0 ? { presets: chosen } : { recipe };
      await postJson('/api/runs', { recording_id: id, ...way });
      notify(
        chosen.length > 0 ? 'A run by presets is in line.' : `A run by the recipe “${recipe}” is in line.`,
      );
      setRecipe('');
      setChosen([]);
      onStarted();
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form
      class="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBusy) void start();
      }}
    >
      <fieldset class="presets">
        <legend>What is to be made</legend>
        {presets.map(({ name, description }) => (
          <label key={name} class="check" title={description}>
            <input
              type="checkbox"
              checked={chosen.includes(name)}
              onChange={(event) => {
                const others = chosen.filter((each) => each !== name);
                setChosen(event.currentTarget.checked ? [...others, name] : others);
              }}
            />
            {name}
          </label>
        ))}
      </fieldset>
      <label>
        Or a recipe
        <select
          required={chosen.length === 0}
          disabled={chosen.length > 0}
          value={recipe}
          onChange={(event) => setRecipe(event.currentTarget.value)}
        >
          <option value="">Choose one</option>
          {recipes.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" aria-disabled={isBusy}>
        Start a run
      </button>
    </form>
  );
}
