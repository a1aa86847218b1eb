import { useState } from 'preact/hooks';
import { getJson } from './api.ts';
import { notifyProblem } from './notices.tsx';
import { When } from './parts.tsx';
import type { DeliveryDetail } from './types.ts';

/** What was sent with an announcement and what was answered, on request. */
export function Tries({ id }: { id: string }) {
  const [detail, setDetail] = useState<DeliveryDetail>();
  return (
    <details
      class="tries small"
      onToggle={(event) => {
        if (!event.currentTarget.open) return;
        getJson<DeliveryDetail>(`/api/deliveries/${encodeURIComponent(id)}`).then(setDetail, notifyProblem);
      }}
    >
      <summary>What was sent and answered</summary>
      {detail?.tries.length === 0 && <p class="muted">No attempt is kept.</p>}
      {detail?.tries.map(({ at, took_ms, status, answer, error, headers }) => (
        <div key={at} class="try">
          <p>
            <When at={at} /> · {status === null ? 'no answer' : `answered ${status}`} ·{' '}
            <span class="number">{took_ms} ms</span>
          </p>
          <p class="muted wrap">
            {Object.entries(headers)
              .map(([name, value]) => `${name}: ${value}`)
              .join(' · ')}
          </p>
          {error && <p class="wrap">{error.message}</p>}
          {answer && <pre class="wrap">{answer}</pre>}
        </div>
      ))}
      {detail && (
        <>
          <p class="muted">The body, the same each time:</p>
          <pre class="wrap">{pretty(detail.body)}</pre>
        </>
      )}
    </details>
  );
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
