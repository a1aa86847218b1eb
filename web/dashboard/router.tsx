import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** Where the viewer is. */
export type Route =
  | { readonly page: 'overview' }
  | { readonly page: 'recordings' }
  | { readonly page: 'access' }
  | { readonly page: 'zoom' }
  | { readonly page: 'announcements' }
  | { readonly page: 'presets' }
  | { readonly page: 'library' }
  | { readonly page: 'recording'; readonly id: string }
  | { readonly page: 'pieces'; readonly id: string }
  | { readonly page: 'timeline'; readonly id: string };

const MOVED = 'sluice:moved';

export function routeOf(path: string): Route {
  const [, id] = /^\/recordings\/([^/]+)$/.exec(path) ?? [];
  if (id !== undefined) return { page: 'recording', id: decodeURIComponent(id) };
  const [, asset] = /^\/timeline\/([^/]+)$/.exec(path) ?? [];
  if (asset !== undefined) return { page: 'timeline', id: decodeURIComponent(asset) };
  const [, run] = /^\/chunker\/([^/]+)$/.exec(path) ?? [];
  if (run !== undefined) return { page: 'pieces', id: decodeURIComponent(run) };
  if (/^\/access\/?$/.test(path)) return { page: 'access' };
  if (/^\/zoom\/?$/.test(path)) return { page: 'zoom' };
  if (/^\/announcements\/?$/.test(path)) return { page: 'announcements' };
  if (/^\/presets\/?$/.test(path)) return { page: 'presets' };
  if (/^\/library\/?$/.test(path)) return { page: 'library' };
  return { page: /^\/recordings\/?$/.test(path) ? 'recordings' : 'overview' };
}

/** Goes to an address of the dashboard; `isSame` replaces the one that is shown. */
export function go(address: string, { isSame = false } = {}): void {
  if (isSame) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  dispatchEvent(new Event(MOVED));
}

/** The path and the query that are shown. */
export function useAddress(): { path: string; query: URLSearchParams } {
  const read = () => location.pathname + location.search;
  const [address, setAddress] = useState(read);
  useEffect(() => {
    const moved = () => setAddress(read());
    addEventListener('popstate', moved);
    addEventListener(MOVED, moved);
    return () => {
      removeEventListener('popstate', moved);
      removeEventListener(MOVED, moved);
    };
  }, []);
  const [path = '/', query = ''] = address.split('?');
  return { path, query: new URLSearchParams(query) };
}

/** A link within the dashboard; with any modifier key it is one like all others. */
export function Link({
  href,
  children,
  ...more
}: JSX.IntrinsicElements['a'] & { href: string; children: ComponentChildren }) {
  return (
    <a
      {...more}
      href={href}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0) return;
        event.preventDefault();
        go(href);
        scrollTo(0, 0);
      }}
    >
      {children}
    </a>
  );
}
