import { getJson, postJson } from './api.ts';
import { Tries } from './delivery-tries.tsx';
import type { Live } from './live.ts';
import { useMayAct } from './me.tsx';
import { notify, notifyProblem } from './notices.tsx';
import { Dot, Empty, Loading, Reason, Trouble, When } from './parts.tsx';
import { useResource } from './resource.ts';
import { go, Link } from './router.tsx';
import type { ListedDelivery } from './types.ts';
import { DELIVERY_TONES, DELIVERY_WORDS } from './words.ts';

/** What the website was told, of all recordings; which of it stands in the address. */
export function AnnouncementsPage({ live, query }: { live: Live; query: URLSearchParams }) {
  const mayAct = useMayAct();
  const state = query.get('state') ?? '';
  const address = `/api/deliveries?limit=200${state === '' ? '' : `&state=${encodeURIComponent(state)}`}`;
  const { data, problem, reload } = useResource<readonly ListedDelivery[]>({
    key: address,
    live,
    load: async (signal) => (await getJson<{ deliveries: ListedDelivery[] }>(address, signal)).deliveries,
    onNews: () => true,
  });
  const replay = ({ id, type }: ListedDelivery) =>
    postJson(`/api/deliveries/${encodeURIComponent(id)}/replay`).then(() => {
      notify(`The website is told ${type} again.`);
      setTimeout(reload, 1000);
    }, notifyProblem);

  return (
    <main id="main">
      <h1 tabIndex={-1} data-page-title>
        What the website is told
      </h1>
      <search class="filters card">
        <label>
          Which
          <select
            value={state}
            onChange={({ currentTarget: { value } }) =>
              go(value === '' ? '/announcements' : `/announcements?state=${value}`, { isSame: true })
            }
          >
            <option value="">All</option>
            <option value="failed">Given up</option>
            <option value="pending">To be told</option>
            <option value="delivered">Told</option>
          </select>
        </label>
      </search>
      {problem && data === undefined && <Trouble problem={problem} retry={reload} />}
      {data === undefined && !problem && <Loading what="the announcements" />}
      {data?.length === 0 && (
        <div class="card">
          <Empty>{state === 'failed' ? 'Nothing was given up.' : 'Nothing.'}</Empty>
        </div>
      )}
      {data !== undefined && data.length > 0 && (
        <ul class="rows card list" aria-label="Announcements">
          {data.map((delivery) => (
            <li key={delivery.id} class="row">
              <div class="row-words">
                <p class="row-title">
                  <code>{delivery.type}</code>{' '}
                  <Link href={`/recordings/${encodeURIComponent(delivery.recording_id)}`}>
                    {delivery.title}
                  </Link>
                </p>
                <p class="small muted">
                  <Dot tone={DELIVERY_TONES[delivery.state]} /> {DELIVERY_WORDS[delivery.state]}{' '}
                  <When at={delivery.ended_at ?? delivery.created_at} /> · {delivery.attempts}{' '}
                  {delivery.attempts === 1 ? 'attempt' : 'attempts'}
                </p>
                {delivery.last_error && delivery.state !== 'delivered' && (
                  <Reason error={delivery.last_error} />
                )}
                <Tries id={delivery.id} />
              </div>
              {mayAct && (
                <button
                  type="button"
                  aria-label={`Send again: ${delivery.type} of ${delivery.title}`}
                  onClick={() => replay(delivery)}
                >
                  Send again
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
    </main>
  );
}
