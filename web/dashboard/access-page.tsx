import { useState } from 'preact/hooks';
import { getJson, postJson } from './api.ts';
import { Dialog } from './dialog.tsx';
import type { Live } from './live.ts';
import { notify, notifyProblem } from './notices.tsx';
import { Dot, Empty, Loading, Trouble, When } from './parts.tsx';
import { useResource } from './resource.ts';
import { Link } from './router.tsx';
import type { AccessTokenView, AuditEntryView } from './types.ts';

interface Page {
  readonly entries: readonly AuditEntryView[];
  readonly next_cursor: string | null;
}

/** Who may come in, and who has done what. */
export function AccessPage({ live }: { live: Live }) {
  return (
    <main id="main">
      <h1 tabIndex={-1} data-page-title>
        Who may come in, and what was done
      </h1>
      <Tokens live={live} />
      <Acts live={live} />
    </main>
  );
}

const ROLE_WORDS = { operator: 'may do everything', viewer: 'may only look' } as const;
const STATE_WORDS = { valid: 'valid', expired: 'expired', revoked: 'revoked' } as const;
const STATE_TONES = { valid: 'good', expired: 'warn', revoked: 'calm' } as const;

function Tokens({ live }: { live: Live }) {
  const [asked, setAsked] = useState<string>();
  const { data, problem, reload } = useResource<readonly AccessTokenView[]>({
    key: '/api/access/tokens',
    live,
    load: async (signal) =>
      (await getJson<{ tokens: AccessTokenView[] }>('/api/access/tokens', signal)).tokens,
    onNews: () => false,
  });

  async function revoke(name: string): Promise<void> {
    setAsked(undefined);
    try {
      await postJson(`/api/access/tokens/${encodeURIComponent(name)}/revoke`);
      notify(`The token of ${name} opens nothing any more.`);
      reload();
    } catch (error) {
      notifyProblem(error);
    }
  }

  return (
    <section class="card" aria-labelledby="tokens" data-home tabIndex={-1}>
      <h2 id="tokens">Tokens</h2>
      {problem && data === undefined && <Trouble problem={problem} retry={reload} />}
      {data === undefined && !problem && <Loading what="the tokens" />}
      {data?.length === 0 && (
        <Empty>
          Nobody has a token of their own. On the server, <code>npx sluice access create Anna</code> makes
          one.
        </Empty>
      )}
      <ul class="rows">
        {data?.map(({ name, role, state, created_by, created_at, expires_at, last_used_at }) => (
          <li key={`${name} ${created_at}`} class="row">
            <div class="row-words">
              <p class="row-title wrap">{name}</p>
              <p class="small muted">
                <Dot tone={STATE_TONES[state]} /> {STATE_WORDS[state]}, {ROLE_WORDS[role]} · made by{' '}
                {created_by} <When at={created_at} />
                {expires_at && (
                  <>
                    {' '}
                    · until <When at={expires_at} />
                  </>
                )}{' '}
                · {last_used_at ? 'last used ' : 'never used'}
                {last_used_at && <When at={last_used_at} />}
              </p>
            </div>
            {state === 'valid' && (
              <button
                type="button"
                class="danger"
                aria-label={`Revoke the token of ${name}`}
                onClick={() => setAsked(name)}
              >
                Revoke…
              </button>
            )}
          </li>
        ))}
      </ul>
      {asked !== undefined && (
        <Dialog title={`Revoke the token of ${asked}?`} close={() => setAsked(undefined)}>
          <p>It opens nothing any more from then on, and whoever is logged in with it is logged out.</p>
          <div class="actions">
            <button type="button" class="primary" onClick={() => setAsked(undefined)}>
              Keep it
            </button>
            <button type="button" class="danger" onClick={() => revoke(asked)}>
              Revoke it
            </button>
          </div>
        </Dialog>
      )}
    </section>
  );
}

function Acts({ live }: { live: Live }) {
  const [isMore, setMore] = useState(false);
  const { data, problem, reload, patch } = useResource<Page>({
    key: '/api/audit',
    live,
    load: (signal) => getJson('/api/audit', signal),
    onNews: () => false,
  });

  async function more(cursor: string): Promise<void> {
    setMore(true);
    try {
      const next = await getJson<Page>(`/api/audit?cursor=${cursor}`);
      patch((page) => ({ entries: [...page.entries, ...next.entries], next_cursor: next.next_cursor }));
    } catch (error) {
      notifyProblem(error);
    } finally {
      setMore(false);
    }
  }

  const cursor = data?.next_cursor;
  return (
    <section class="card" aria-labelledby="acts">
      <h2 id="acts">What was done</h2>
      {problem && data === undefined && <Trouble problem={problem} retry={reload} />}
      {data === undefined && !problem && <Loading what="what was done" />}
      {data?.entries.length === 0 && <Empty>Nothing yet.</Empty>}
      {data !== undefined && data.entries.length > 0 && (
        <ol class="events">
          {data.entries.map((entry) => (
            <Entry key={entry.seq} entry={entry} />
          ))}
        </ol>
      )}
      {cursor && (
        <p class="center">
          <button type="button" aria-disabled={isMore} onClick={() => isMore || more(cursor)}>
            {isMore ? 'Reading…' : 'More'}
          </button>
        </p>
      )}
    </section>
  );
}

function Entry({ entry }: { entry: AuditEntryView }) {
  const { who, act, subject, outcome, times, last_at: at, way, caller } = entry;
  return (
    <li>
      <span class="muted small">
        <When at={at} />
      </span>
      <div>
        <p class="wrap">
          <strong>{who ?? 'Nobody known'}</strong>: {actWords(act)}
          {subject && (
            <>
              {' '}
              {subject.startsWith('rec_') ? (
                <Link href={`/recordings/${encodeURIComponent(subject)}`}>{subject}</Link>
              ) : (
                <code>{subject}</code>
              )}
            </>
          )}
          {outcome === 'refused' && <span class="bad-words"> refused</span>}
          {times > 1 && <span class="muted"> {times} times</span>}
        </p>
        <p class="small muted wrap">
          {way === 'session' ? 'logged in, ' : way === 'token' ? 'by token, ' : ''}
          from {caller}
        </p>
      </div>
    </li>
  );
}

/** `createAccessToken` is "create access token". */
function actWords(act: string): string {
  return act.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
