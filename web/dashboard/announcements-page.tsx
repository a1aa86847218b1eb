import { getJson, postJson } from './api.ts';
import { DeliveryRow } from './delivery-row.tsx';
import type { Live } from './live.ts';
import { notify, notifyProblem } from './notices.tsx';
import { Empty, Loading, Trouble } from './parts.tsx';
import { useResource } from './resource.ts';
import { go, Link } from './router.tsx';
import type { ListedDelivery } from './types.ts';

/** What the website was told, of all recordings; which of it stands in the address. */
export function AnnouncementsPage({ live, query }: { live: Live; query: URLSearchParams }) {
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
            <DeliveryRow
              key={delivery.id}
              delivery={delivery}
              at={delivery.ended_at ?? delivery.created_at}
              of={{
                title: delivery.title,
                link: (
                  <Link href={`/recordings/${encodeURIComponent(delivery.recording_id)}`}>
                    {delivery.title}
                  </Link>
                ),
              }}
              replay={() => replay(delivery)}
            />
          ))}
        </ul>
      )}
    </main>
  );
}
