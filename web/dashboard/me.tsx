import { useState } from 'preact/hooks';
import { createStore, useStore } from '../shared/store.ts';
import { getJson } from './api.ts';
import { notifyProblem } from './notices.tsx';
import type { MeView } from './types.ts';

const store = createStore<{ me: MeView | undefined }>({ me: undefined });

/** Asks the server who looks at the page. */
export function readMe(): void {
  getJson<MeView>('/api/me').then(
    (me) => store.set({ me }),
    // Whatever cannot be done is refused by the server.
    () => {},
  );
}

/** Whether whoever looks at the page may change anything: for those who may not there are no buttons. */
export function useMayAct(): boolean {
  return useStore(store, ({ me }) => me?.role !== 'viewer');
}

/** Who is logged in, and the way out. Whoever needed no login has none. */
export function WhoIsHere() {
  const me = useStore(store, (all) => all.me);
  const [isBusy, setBusy] = useState(false);
  if (me === undefined || (me.way !== 'session' && me.role !== 'viewer')) return null;

  async function logOut(): Promise<void> {
    setBusy(true);
    try {
      await fetch('/logout', { method: 'POST' });
      location.assign('/login');
    } catch (error) {
      notifyProblem(error);
      setBusy(false);
    }
  }

  return (
    <div class="who">
      <span class="small muted">
        {me.name}
        {me.role === 'viewer' && ', only looking'}
      </span>
      {me.way === 'session' && (
        <button type="button" class="quiet" aria-disabled={isBusy} onClick={() => isBusy || logOut()}>
          Log out
        </button>
      )}
    </div>
  );
}
