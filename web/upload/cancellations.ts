import { createStore, type Store } from '../shared/store.ts';

const PREFIX = 'sluice-cancelled:';

/** By then the server has removed the upload by itself, in milliseconds. */
const KEPT_MS = 14 * 86_400_000;

/** Between attempts, in milliseconds. */
const AGAIN_MS = 5000;

interface Cancelled {
  readonly uploadUrl: string;
  readonly aceId: string;
  readonly atMs: number;
}

/** Uploads that the tutor has cancelled: the server hears of each, at once or when it can be reached again. */
export interface Cancellations {
  /** How many the server could not be told of yet. */
  readonly open: Store<{ readonly count: number }>;
  add(uploadUrl: string, aceId: string): void;
}

export function createCancellations(options: {
  storage: Storage;
  /** Only those of this link's recordings can be cancelled with its token. */
  isOwn: (aceId: string) => boolean;
  token: string | undefined;
}): Cancellations {
  const { storage, isOwn, token } = options;
  const kept = new Map<string, Cancelled>();
  const open = createStore({ count: 0 });
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isBusy = false;

  function keep(cancelled: Cancelled): void {
    kept.set(cancelled.uploadUrl, cancelled);
    try {
      storage.setItem(PREFIX + cancelled.uploadUrl, JSON.stringify(cancelled));
    } catch {
      // It is remembered for as long as the page is open.
    }
  }

  async function tellAll(): Promise<void> {
    if (isBusy) return;
    isBusy = true;
    clearTimeout(timer);
    for (const { uploadUrl } of kept.values()) {
      const outcome = await tell(uploadUrl);
      if (outcome !== 'again') kept.delete(uploadUrl);
      if (outcome === 'told') storage.removeItem(PREFIX + uploadUrl);
    }
    isBusy = false;
    open.set({ count: kept.size });
    if (kept.size > 0) timer = setTimeout(tellAll, AGAIN_MS);
  }

  async function tell(uploadUrl: string): Promise<'told' | 'again' | 'with-another-link'> {
    const headers = { 'Tus-Resumable': '1.0.0', ...(token && { Authorization: `Bearer ${token}` }) };
    const answer = await fetch(uploadUrl, { method: 'DELETE', headers, keepalive: true }).catch(
      () => undefined,
    );
    if (answer === undefined || answer.status >= 500 || [409, 423, 429].includes(answer.status))
      return 'again';
    // Anything else: it is deleted, or there is none, or it was complete before.
    return answer.status === 401 ? 'with-another-link' : 'told';
  }

  for (const name of Object.keys(storage).filter((each) => each.startsWith(PREFIX))) {
    const cancelled = parse(storage.getItem(name));
    if (cancelled === undefined || Date.now() - cancelled.atMs > KEPT_MS) storage.removeItem(name);
    else if (isOwn(cancelled.aceId)) kept.set(cancelled.uploadUrl, cancelled);
  }
  addEventListener('online', () => void tellAll());
  void tellAll();

  return {
    open,
    add(uploadUrl, aceId) {
      keep({ uploadUrl, aceId, atMs: Date.now() });
      void tellAll();
    },
  };
}

function parse(text: string | null): Cancelled | undefined {
  try {
    const value = JSON.parse(text ?? '');
    return typeof value?.uploadUrl === 'string' && typeof value.aceId === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
