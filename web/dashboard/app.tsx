import { useEffect, useRef } from 'preact/hooks';
import { useStore } from '../shared/store.ts';
import { AccessPage } from './access-page.tsx';
import { AnnouncementsPage } from './announcements-page.tsx';
import { LibraryPage } from './library-page.tsx';
import type { Live } from './live.ts';
import { useMayAct, WhoIsHere } from './me.tsx';
import { Notices, speak } from './notices.tsx';
import { OverviewPage } from './overview-page.tsx';
import { PiecesPage } from './pieces-page.tsx';
import { PresetsPage } from './presets-page.tsx';
import { RecordingPage } from './recording-page.tsx';
import { RecordingsPage } from './recordings-page.tsx';
import { Link, type Route, routeOf, useAddress } from './router.tsx';
import { TimelinePage } from './timeline-page.tsx';
import { newsWords } from './words.ts';
import { ZoomPage } from './zoom-page.tsx';

const TITLES = {
  overview: 'Sluice',
  recordings: 'Recordings · Sluice',
  access: 'Access · Sluice',
  zoom: 'Zoom · Sluice',
  announcements: 'Announcements · Sluice',
  presets: 'Presets · Sluice',
  library: 'Library · Sluice',
  timeline: 'Timeline · Sluice',
  pieces: 'Pieces · Sluice',
} as const;

/** The frame around every view. */
export function App({ live }: { live: Live }) {
  const { path, query } = useAddress();
  const route = routeOf(path);
  const frame = useRef<HTMLDivElement>(null);
  const isFirst = useRef(true);

  useEffect(
    () =>
      live.onNews((news) => {
        const words = news && newsWords(news);
        if (words !== undefined) speak(words);
      }),
    [live],
  );
  // Whoever goes on by keyboard or ear begins at the top of what they went to.
  useEffect(() => {
    const title = frame.current?.querySelector<HTMLElement>('[data-page-title]');
    if (route.page !== 'recording') document.title = TITLES[route.page];
    if (!isFirst.current) title?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [path]);

  return (
    <div class="frame" ref={frame}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header live={live} route={route} />
      <Connection live={live} />
      {route.page === 'overview' && <OverviewPage live={live} />}
      {route.page === 'recordings' && <RecordingsPage live={live} query={query} />}
      {route.page === 'recording' && <RecordingPage key={route.id} live={live} id={route.id} />}
      {route.page === 'access' && <AccessPage live={live} />}
      {route.page === 'zoom' && <ZoomPage live={live} />}
      {route.page === 'presets' && <PresetsPage live={live} />}
      {route.page === 'library' && <LibraryPage live={live} query={query} />}
      {route.page === 'timeline' && <TimelinePage key={route.id} live={live} id={route.id} />}
      {route.page === 'pieces' && <PiecesPage key={route.id} id={route.id} />}
      {route.page === 'announcements' && <AnnouncementsPage live={live} query={query} />}
      <Footer live={live} />
      <Notices />
    </div>
  );
}

function Header({ live, route }: { live: Live; route: Route }) {
  const failed = useStore(live.state, ({ status }) => status?.counts.failed ?? 0);
  return (
    <header>
      <Link href="/" class="brand">
        <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M7 12c3-3 6-3 9 0s6 3 9 0M7 20c3-3 6-3 9 0s6 3 9 0" />
        </svg>
        Sluice
      </Link>
      <nav aria-label="Views">
        <Link href="/" aria-current={route.page === 'overview' ? 'page' : undefined}>
          Overview
        </Link>
        <Link href="/recordings" aria-current={route.page === 'recordings' ? 'page' : undefined}>
          Recordings
        </Link>
        <Link href="/zoom" aria-current={route.page === 'zoom' ? 'page' : undefined}>
          Zoom
        </Link>
        <Link href="/library" aria-current={route.page === 'library' ? 'page' : undefined}>
          Library
        </Link>
        <Link href="/presets" aria-current={route.page === 'presets' ? 'page' : undefined}>
          Presets
        </Link>
        <Link href="/announcements" aria-current={route.page === 'announcements' ? 'page' : undefined}>
          Announcements
        </Link>
        {failed > 0 && (
          <Link href="/recordings?state=failed" class="failed-link">
            {failed} failed
          </Link>
        )}
      </nav>
      <WhoIsHere />
    </header>
  );
}

function Connection({ live }: { live: Live }) {
  const connection = useStore(live.state, (all) => all.connection);
  const paused = useStore(live.state, ({ status }) => status?.paused);
  return (
    <>
      <div role="status" aria-label="Connection">
        {connection === 'offline' && (
          <div class="banner">
            <p>
              <strong>No connection to the server.</strong> What you see is how it was last; it is tried again
              by itself.
            </p>
            <button type="button" onClick={live.reconnect}>
              Try now
            </button>
          </div>
        )}
      </div>
      {paused && connection !== 'offline' && (
        <div class="banner calm">
          <p>
            <strong>The line is paused.</strong> Recordings still come in and wait.
          </p>
        </div>
      )}
    </>
  );
}

function Footer({ live }: { live: Live }) {
  const mayAct = useMayAct();
  const version = useStore(live.state, ({ status }) => status?.version);
  return (
    <footer class="small muted">
      <span>Sluice {version}</span>
      <a href="/docs">API</a>
      <a href="/upload">Upload a file</a>
      {mayAct && <Link href="/access">Access and what was done</Link>}
    </footer>
  );
}
