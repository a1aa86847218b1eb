import { formatBytes, formatDuration } from '../shared/format.ts';
import { useStore } from '../shared/store.ts';
import { postJson } from './api.ts';
import type { Live } from './live.ts';
import { useMayAct } from './me.tsx';
import { notify, notifyProblem } from './notices.tsx';
import { Dot, Loading, When } from './parts.tsx';
import type { HostView, ServiceView, StatusView } from './types.ts';
import { capitalized, serviceWords } from './vocabulary.ts';

const PROCESS_WORDS = { pipeline: 'Pipeline', worker: 'Worker', tus: 'Uploads (tus)' } as const;
const PROCESS_STATES = { ok: 'fine', silent: 'silent', unheard: 'not heard of yet' } as const;
const REDIS_STATES = { ok: 'fine', away: 'away', refusing: 'takes no writes' } as const;

/** What the line depends on: the other processes, the disk, Redis, the services. */
export function Surroundings({ live }: { live: Live }) {
  const status = useStore(live.state, (all) => all.status);
  return (
    <section class="card" aria-labelledby="surroundings">
      <h2 id="surroundings">Around the line</h2>
      {status === undefined ? (
        <Loading what="the disk and the services" />
      ) : (
        <>
          <Disk disk={status.disk} />
          <ul class="services">
            {status.processes
              .filter(({ process }) => process !== 'pipeline')
              .map(({ process, state }) => (
                <li key={process}>
                  <p>
                    <Dot
                      tone={
                        state === 'ok' ? 'good' : process === 'worker' || state === 'silent' ? 'bad' : 'warn'
                      }
                    />
                    {PROCESS_WORDS[process]}
                    <span class="muted">{PROCESS_STATES[state]}</span>
                  </p>
                </li>
              ))}
            <li>
              <p>
                <Dot tone={status.redis === 'ok' ? 'good' : 'bad'} />
                Redis
                <span class="muted">{REDIS_STATES[status.redis]}</span>
              </p>
              {status.redis !== 'ok' && (
                <p class="small muted">Recordings are still accepted; they move once Redis takes writes.</p>
              )}
            </li>
            {status.hosts.map((host) => (
              <HostLine key={host.host} host={host} />
            ))}
            {status.services.map((service) => (
              <Service key={service.service} live={live} service={service} siteGone={status.site_gone} />
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

/** One of several machines: whether it lives, and what waits for it. */
function HostLine({ host: { host, own, state, silent_s, free_bytes, bound, uploads } }: { host: HostView }) {
  const held = [
    bound > 0 && `${bound} ${bound === 1 ? 'recording' : 'recordings'} on its disk alone`,
    uploads > 0 && `${uploads} ${uploads === 1 ? 'upload' : 'uploads'} not arrived as a whole`,
  ].filter((each) => each !== false);
  return (
    <li>
      <p>
        <Dot tone={state === 'ok' ? 'good' : 'bad'} />
        Host {host}
        {own && ' (this one)'}
        <span class="muted">
          {state === 'ok'
            ? free_bytes !== null && `${formatBytes(free_bytes)} free`
            : `silent for ${formatDuration(silent_s * 1000)}`}
        </span>
      </p>
      {held.length > 0 && <p class="small muted">{held.join(', ')}</p>}
    </li>
  );
}

function Disk({ disk }: { disk: StatusView['disk'] }) {
  const { free_bytes, total_bytes, reserve_bytes } = disk;
  const usedShare = total_bytes === 0 ? 0 : 1 - free_bytes / total_bytes;
  const isShort = free_bytes <= reserve_bytes;
  const reserveShare = total_bytes === 0 ? 0 : Math.min(1, reserve_bytes / total_bytes);
  return (
    <div class="disk">
      <p class="leg-head">
        <span>
          <Dot tone={isShort ? 'bad' : 'good'} />
          Disk
        </span>
        <span class="muted small number">
          {formatBytes(free_bytes)} free of {formatBytes(total_bytes)}
        </span>
      </p>
      <div class={`bar with-mark ${isShort ? 'short' : ''}`} aria-hidden="true">
        <span style={{ width: `${usedShare * 100}%` }} />
        {reserve_bytes > 0 && <i style={{ left: `${(1 - reserveShare) * 100}%` }} />}
      </div>
      {reserve_bytes > 0 && (
        <p class="small muted">
          {isShort
            ? `Below the reserve of ${formatBytes(reserve_bytes)}: downloads wait.`
            : `${formatBytes(reserve_bytes)} are kept free.`}
        </p>
      )}
    </div>
  );
}

const TONES = { ok: 'good', failing: 'warn', open: 'bad' } as const;

function Service({
  live,
  service: told,
  siteGone,
}: {
  live: Live;
  service: ServiceView;
  siteGone: string | null;
}) {
  const { service, state, open_until, last_error } = told;
  const mayAct = useMayAct();
  const isGone = service === 'site' && siteGone !== null;
  const words = {
    ok: 'fine',
    failing: 'has trouble',
    open: isGone ? 'wants no announcements' : 'left alone',
  }[state];
  const listen = () =>
    postJson('/api/site/listens').then(() => {
      notify('The website is told again.');
      live.refresh();
    }, notifyProblem);
  return (
    <li>
      <p>
        <Dot tone={TONES[state]} />
        {capitalized(serviceWords(service))}
        <span class="muted">
          {words}
          {open_until && (
            <>
              {' '}
              until <When at={open_until} />
            </>
          )}
        </span>
      </p>
      {last_error && (
        <details class="small">
          <summary>{last_error.title}</summary>
          <p class="muted wrap">
            {last_error.message} {last_error.advice}
          </p>
        </details>
      )}
      {isGone && mayAct && (
        <button type="button" onClick={listen}>
          It listens again
        </button>
      )}
    </li>
  );
}
