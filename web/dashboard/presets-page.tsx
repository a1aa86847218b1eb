import { useState } from 'preact/hooks';
import { ApiProblem, getJson, postJson } from './api.ts';
import { Dialog } from './dialog.tsx';
import type { Live } from './live.ts';
import { useMayAct } from './me.tsx';
import { notify, notifyProblem } from './notices.tsx';
import { Empty, Loading, Trouble, When } from './parts.tsx';
import { useResource } from './resource.ts';
import type { PresetView, TaskView } from './types.ts';

/** The presets, and what they can be made of. */
interface Shelf {
  readonly presets: readonly PresetView[];
  readonly tasks: readonly TaskView[];
}

/** The lane of the tasks that make outputs. */
const LANE = 'media';

/** What outputs can be made of recordings by a name. */
export function PresetsPage({ live }: { live: Live }) {
  const mayAct = useMayAct();
  const [asked, setAsked] = useState<string>();
  const [changed, setChanged] = useState<PresetView>();
  const { data, problem, reload } = useResource<Shelf>({
    key: '/api/presets',
    live,
    load: async (signal) => ({
      ...(await getJson<Pick<Shelf, 'presets'>>('/api/presets', signal)),
      ...(await getJson<Pick<Shelf, 'tasks'>>('/api/tasks', signal)),
    }),
    onNews: () => false,
  });

  async function remove(name: string): Promise<void> {
    setAsked(undefined);
    try {
      await postJson(`/api/presets/${encodeURIComponent(name)}/remove`);
      notify(`The preset ${name} is removed.`);
      reload();
    } catch (error) {
      notifyProblem(error);
    }
  }

  function kept(): void {
    setChanged(undefined);
    reload();
  }

  const tasks = data?.tasks.filter(({ lane }) => lane === LANE) ?? [];
  return (
    <main id="main">
      <h1 tabIndex={-1} data-page-title>
        Presets
      </h1>
      <section class="card" aria-labelledby="presets" data-home tabIndex={-1}>
        <h2 id="presets">What can be made of a recording</h2>
        {problem && data === undefined && <Trouble problem={problem} retry={reload} />}
        {data === undefined && !problem && <Loading what="the presets" />}
        {data?.presets.length === 0 && <Empty>None yet.</Empty>}
        <ul class="rows">
          {data?.presets.map((preset) => (
            <li key={preset.name} class="row">
              <Words preset={preset} />
              {mayAct && !preset.is_built_in && (
                <div class="actions">
                  <button
                    type="button"
                    aria-label={`Change ${preset.name}`}
                    onClick={() => setChanged(preset)}
                  >
                    Change…
                  </button>
                  <button
                    type="button"
                    class="danger"
                    aria-label={`Remove ${preset.name}`}
                    onClick={() => setAsked(preset.name)}
                  >
                    Remove…
                  </button>
                </div>
              )}
            </li>
          ))}
        </ul>
      </section>
      {mayAct && data && (
        <section class="card" aria-labelledby="new-preset">
          <h2 id="new-preset">A new preset</h2>
          <PresetForm tasks={tasks} onKept={kept} />
        </section>
      )}
      {changed !== undefined && (
        <Dialog title={`Change ${changed.name}`} close={() => setChanged(undefined)}>
          <PresetForm tasks={tasks} preset={changed} onKept={kept} />
        </Dialog>
      )}
      {asked !== undefined && (
        <Dialog title={`Remove ${asked}?`} close={() => setAsked(undefined)}>
          <p>No run can begin by it any more. Those that were asked for before go on as they are.</p>
          <div class="actions">
            <button type="button" class="primary" onClick={() => setAsked(undefined)}>
              Keep it
            </button>
            <button type="button" class="danger" onClick={() => remove(asked)}>
              Remove it
            </button>
          </div>
        </Dialog>
      )}
    </main>
  );
}

function Words({ preset }: { preset: PresetView }) {
  const { name, version, task, params, description, is_built_in, changed_at, changed_by, problems } = preset;
  return (
    <div class="row-words">
      <p class="row-title">
        <code>{name}</code>
      </p>
      {description !== '' && <p class="small wrap">{description}</p>}
      <p class="small muted wrap">
        {task}
        {Object.entries(params).map(([param, value]) => `, ${param}: ${textOf(value)}`)} ·{' '}
        {is_built_in ? 'built in' : `version ${version}, by ${changed_by} `}
        {changed_at && <When at={changed_at} />}
      </p>
      {problems.map((problem) => (
        <p key={problem} class="small wrap bad-words">
          No longer right: {problem}
        </p>
      ))}
    </div>
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Makes a preset, or changes one: its parameters are JSON, which the server checks as its task has them. */
function PresetForm(props: {
  readonly tasks: readonly TaskView[];
  readonly preset?: PresetView;
  readonly onKept: () => void;
}) {
  const { tasks, preset, onKept } = props;
  const [name, setName] = useState('');
  const [task, setTask] = useState(preset?.task ?? '');
  const [params, setParams] = useState(preset === undefined ? '{}' : JSON.stringify(preset.params, null, 2));
  const [description, setDescription] = useState(preset?.description ?? '');
  const [isBusy, setBusy] = useState(false);
  const takes = tasks.find((each) => each.name === task)?.params['properties'];

  async function keep(): Promise<void> {
    setBusy(true);
    try {
      const said = { task, params: readParams(params), description };
      if (preset === undefined) await postJson('/api/presets', { name, ...said });
      else await postJson(`/api/presets/${encodeURIComponent(preset.name)}`, said);
      notify(`The preset ${preset?.name ?? name} is kept.`);
      setName('');
      onKept();
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBusy) void keep();
      }}
    >
      {preset === undefined && (
        <label>
          Name
          <input
            required
            maxLength={40}
            autocomplete="off"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
      )}
      <label>
        Task
        <select required value={task} onChange={(event) => setTask(event.currentTarget.value)}>
          <option value="">Choose one</option>
          {tasks.map((each) => (
            <option key={each.name} value={each.name}>
              {each.label}
            </option>
          ))}
        </select>
      </label>
      <label>
        Parameters (JSON)
        <textarea
          rows={4}
          spellcheck={false}
          value={params}
          onInput={(event) => setParams(event.currentTarget.value)}
        />
      </label>
      {takes !== undefined && (
        <p class="small muted wrap">It takes {Object.keys(takes as object).join(', ')}.</p>
      )}
      <label>
        Description
        <input
          maxLength={200}
          value={description}
          onInput={(event) => setDescription(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="primary" aria-disabled={isBusy}>
        {preset === undefined ? 'Make it' : 'Change it'}
      </button>
    </form>
  );
}

/** @throws ApiProblem */
function readParams(text: string): unknown {
  try {
    return JSON.parse(text.trim() === '' ? '{}' : text);
  } catch {
    throw new ApiProblem(0, 'NO_JSON', 'The parameters are no JSON, such as { "shortSide": 720 }.', '');
  }
}
