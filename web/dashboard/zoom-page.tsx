import { useState } from 'preact/hooks';
import { getJson, postJson } from './api.ts';
import type { Live } from './live.ts';
import { useMayAct } from './me.tsx';
import { notify, notifyProblem } from './notices.tsx';
import { Empty, Loading, Trouble, When } from './parts.tsx';
import { useResource } from './resource.ts';
import { go } from './router.tsx';
import type { IgnoredView } from './types.ts';

const SHOWN = 100;

/** What was left with Zoom and why, and ways to bring home what no event has brought. */
export function ZoomPage({ live }: { live: Live }) {
  const mayAct = useMayAct();
  return (
    <main id="main">
      <h1 tabIndex={-1} data-page-title>
        Left with Zoom
      </h1>
      <LeftList live={live} mayAct={mayAct} />
      {mayAct && (
        <div class="halves">
          <Ingest />
          <Backfill />
        </div>
      )}
    </main>
  );
}

function LeftList({ live, mayAct }: { live: Live; mayAct: boolean }) {
  const [text, setText] = useState('');
  const [shown, setShown] = useState(SHOWN);
  const { data, problem, reload } = useResource<readonly IgnoredView[]>({
    key: '/api/zoom/ignored',
    live,
    load: async (signal) =>
      (await getJson<{ ignored: IgnoredView[] }>('/api/zoom/ignored?limit=1000', signal)).ignored,
    onNews: () => false,
  });
  const fits = (entry: IgnoredView) =>
    JSON.stringify(entry).toLowerCase().includes(text.trim().toLowerCase());
  const found = data?.filter(fits) ?? [];

  const bring = (entry: IgnoredView) =>
    postJson<{ id: string }>(`/api/zoom/ignored/${encodeURIComponent(entry.id)}/bring`).then(({ id }) => {
      notify(`${topicOf(entry)} is in line.`);
      go(`/recordings/${encodeURIComponent(id)}`);
    }, notifyProblem);

  return (
    <section class="card left form" aria-label="Left with Zoom">
      <p class="muted">
        What Zoom has told of and was not brought home, the newest first: by a rule, by a setting, or because
        it could not be.
      </p>
      {data !== undefined && data.length > 0 && (
        <search>
          <label>
            Search
            <input
              type="search"
              value={text}
              placeholder="Topic, host, kind or reason"
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
        </search>
      )}
      {problem && data === undefined && <Trouble problem={problem} retry={reload} />}
      {data === undefined && !problem && <Loading what="what was left" />}
      {data?.length === 0 && <Empty>Nothing was left with Zoom.</Empty>}
      {data !== undefined && data.length > 0 && found.length === 0 && (
        <Empty>Nothing fits what you search for.</Empty>
      )}
      <ul class="rows">
        {found.slice(0, shown).map((entry) => (
          <li key={entry.id} class="row">
            <div class="row-words">
              <p class="row-title">{topicOf(entry)}</p>
              <p class="small muted wrap">
                {[
                  textOf(entry['recording_type']).replace(/_/g, ' '),
                  textOf(entry['host_email'] ?? entry['host']),
                ]
                  .filter((part) => part !== '')
                  .map((part) => `${part} · `)
                  .join('')}
                <When at={entry.last_at} />
                {entry.times > 1 && ` · told ${entry.times} times`}
              </p>
              <p class="small wrap">{entry.why}</p>
            </div>
            {mayAct && entry.can_bring && (
              <button
                type="button"
                aria-label={`Bring it after all: ${topicOf(entry)}, ${textOf(entry['recording_type'])}`}
                onClick={() => bring(entry)}
              >
                Bring it after all
              </button>
            )}
          </li>
        ))}
      </ul>
      {found.length > shown && (
        <p class="center">
          <button type="button" onClick={() => setShown(shown + SHOWN)}>
            More
          </button>
        </p>
      )}
    </section>
  );
}

/** One meeting, by what a person has of it. */
function Ingest() {
  const [meeting, setMeeting] = useState('');
  const [account, setAccount] = useState('');
  const [isBusy, setBusy] = useState(false);
  async function ingest(): Promise<void> {
    setBusy(true);
    try {
      const { topic, accepted } = await postJson<{
        topic: string;
        accepted: { id: string; duplicate: boolean }[];
      }>('/api/zoom/ingest', { meeting, ...(account.trim() === '' ? {} : { account: account.trim() }) });
      const fresh = accepted.filter(({ duplicate }) => !duplicate);
      notify(
        accepted.length === 0
          ? `Nothing of “${topic}” is wanted by the rules; it is in the list.`
          : `“${topic}”: ${fresh.length} new, ${accepted.length - fresh.length} known already.`,
      );
      const [first] = accepted;
      if (first !== undefined) go(`/recordings/${encodeURIComponent(first.id)}`);
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  }
  return (
    <section class="card" aria-labelledby="ingest">
      <h2 id="ingest">Bring one meeting</h2>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void ingest();
        }}
      >
        <label>
          Number, UUID or link
          <input
            required
            maxLength={2000}
            value={meeting}
            onInput={(event) => setMeeting(event.currentTarget.value)}
          />
        </label>
        <label>
          Account, if Sluice serves several
          <input maxLength={200} value={account} onInput={(event) => setAccount(event.currentTarget.value)} />
        </label>
        <p class="small muted">
          Of a number Zoom knows the latest recording only. What is home already does not come twice.
        </p>
        <div class="actions">
          <button type="submit" class="primary" disabled={isBusy}>
            {isBusy ? 'Zoom is asked…' : 'Bring it'}
          </button>
        </div>
      </form>
    </section>
  );
}

interface Step {
  readonly meetings_seen: number;
  readonly missing: readonly { readonly recordings: readonly unknown[] }[];
  readonly next_cursor: string | null;
}

/** Many meetings, by their days: looked at first, and brought once somebody has seen how many they are. */
function Backfill() {
  const [days, setDays] = useState({ from: '', to: '', host: '', account: '' });
  const [told, setTold] = useState('');
  const [isLooked, setLooked] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const set = (name: keyof typeof days, value: string) => {
    setDays({ ...days, [name]: value });
    setLooked(false);
  };

  async function search(isDryRun: boolean): Promise<void> {
    setBusy(true);
    let [seen, missing] = [0, 0];
    try {
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const { from, to, host, account } = days;
        const step: Step = await postJson('/api/zoom/backfill', {
          from,
          ...(to === '' ? {} : { to }),
          ...(host.trim() === '' ? {} : { host: host.trim() }),
          ...(account.trim() === '' ? {} : { account: account.trim() }),
          dry_run: isDryRun,
          ...(cursor === undefined ? {} : { cursor }),
        });
        seen += step.meetings_seen;
        missing += step.missing.reduce((sum, { recordings }) => sum + recordings.length, 0);
        cursor = step.next_cursor;
        setTold(`${seen} meetings seen, ${missing} recordings ${isDryRun ? 'missing here' : 'put in line'}.`);
      }
      setLooked(isDryRun && missing > 0);
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
    }
  }

  return (
    <section class="card" aria-labelledby="backfill">
      <h2 id="backfill">Look through days</h2>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void search(!isLooked);
        }}
      >
        <label>
          From
          <input
            type="date"
            required
            value={days.from}
            onInput={(event) => set('from', event.currentTarget.value)}
          />
        </label>
        <label>
          To
          <input type="date" value={days.to} onInput={(event) => set('to', event.currentTarget.value)} />
        </label>
        <label>
          Only of this host
          <input
            value={days.host}
            maxLength={200}
            onInput={(event) => set('host', event.currentTarget.value)}
          />
        </label>
        <label>
          Account, if Sluice serves several
          <input
            value={days.account}
            maxLength={200}
            onInput={(event) => set('account', event.currentTarget.value)}
          />
        </label>
        <p class="small muted" role="status">
          {told || 'What is not here is counted first; what is brought stands behind all that is new.'}
        </p>
        <div class="actions">
          <button type="submit" class={isLooked ? 'primary' : ''} disabled={isBusy}>
            {isBusy ? 'Zoom is asked…' : isLooked ? 'Bring them' : 'Look what is missing'}
          </button>
        </div>
      </form>
    </section>
  );
}

function topicOf(entry: IgnoredView): string {
  return textOf(entry['topic']) || textOf(entry['host']) || 'Something that cannot be read';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
