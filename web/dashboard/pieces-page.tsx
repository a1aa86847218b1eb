import { useEffect, useState } from 'preact/hooks';
import { formatBytes } from '../shared/format.ts';
import { clock } from './clock.ts';
import { Bar } from './moving.tsx';
import { Dot, Empty } from './parts.tsx';
import type { Pieces } from './piece-stream.ts';
import { Link } from './router.tsx';

/** How soon it is asked again once the connection was lost, in milliseconds. */
const AGAIN_MS = 2000;

const TONES = { waits: 'calm', cutting: 'busy', done: 'good', failed: 'bad' } as const;
const WORDS = {
  waits: 'Waits for its turn',
  cutting: 'Is being cut',
  done: 'All pieces are there',
  failed: 'Has met an error',
} as const;

/** The pieces of a recording, as they are cut. */
export function PiecesPage({ id }: { id: string }) {
  const { now, trouble } = usePieces(id);
  const { state = 'waits', pieces = [], progress, error } = now ?? {};
  return (
    <main id="main">
      <h1 tabIndex={-1} data-page-title>
        Pieces
      </h1>
      <p class="small">
        of <Link href={`/recordings/${encodeURIComponent(id)}`}>the run {id}</Link>
      </p>
      <section class="card" aria-labelledby="how-far">
        <h2 id="how-far">How far it is</h2>
        {trouble !== undefined && (
          <p class="trouble" role="alert">
            {trouble}
          </p>
        )}
        <p role="status">
          <span class="badge">
            <Dot tone={TONES[state]} />
            {WORDS[state]}
          </span>{' '}
          <span class="muted">{pieces.length === 1 ? '1 piece' : `${pieces.length} pieces`}</span>
        </p>
        {progress !== undefined && (
          <div class="legs">
            <div class="leg-head small">
              <span>Cut</span>
              <span class="number muted">
                {clock(progress.doneS)}
                {progress.totalS > 0 && ` of ${clock(progress.totalS)}`}
              </span>
            </div>
            <Bar
              label="Cut"
              share={progress.totalS > 0 ? Math.min(1, progress.doneS / progress.totalS) : 0}
            />
          </div>
        )}
        {error && <p class="wrap">{error}</p>}
      </section>
      <section class="card" aria-labelledby="the-pieces">
        <h2 id="the-pieces">The pieces</h2>
        {pieces.length === 0 && <Empty>None yet.</Empty>}
        {pieces.length > 0 && (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of the keyboard
          <section class="scroll" tabIndex={0} aria-label="List of pieces">
            <table class="table">
              <thead>
                <tr>
                  <th scope="col">Piece</th>
                  <th scope="col">From</th>
                  <th scope="col">To</th>
                  <th scope="col">Size</th>
                  <th scope="col">File</th>
                </tr>
              </thead>
              <tbody>
                {pieces.map(({ index, startS, endS, bytes, key, address }) => (
                  <tr key={index}>
                    <td class="number">{index + 1}</td>
                    <td class="number">{clock(startS)}</td>
                    <td class="number">{clock(endS)}</td>
                    <td class="number">{formatBytes(bytes)}</td>
                    <td class="small wrap">
                      {address === '' ? <code>{fileOf(key)}</code> : <a href={address}>{fileOf(key)}</a>}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
      </section>
    </main>
  );
}

/** Follows a run; where the connection is lost it is told anew from its beginning. */
function usePieces(id: string): { now: Pieces | undefined; trouble: string | undefined } {
  const [now, setNow] = useState<Pieces>();
  const [trouble, setTrouble] = useState<string>();
  useEffect(() => {
    const ending = new AbortController();
    const { signal } = ending;
    const follow = async () => {
      // Only whoever looks at pieces needs what speaks to that door.
      const { followPieces, mayHeal, messageOf } = await import('./piece-stream.ts');
      while (!signal.aborted) {
        try {
          await followPieces(id, {
            signal,
            tell(told) {
              setNow(told);
              setTrouble(undefined);
            },
          });
          return;
        } catch (error) {
          if (signal.aborted) return;
          const isLost = mayHeal(error);
          setTrouble(isLost ? 'The connection was lost; it is tried again.' : messageOf(error));
          if (!isLost) return;
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        }
      }
    };
    void follow();
    return () => ending.abort();
  }, [id]);
  return { now, trouble };
}

function fileOf(key: string): string {
  return key.split('/').at(-1) ?? key;
}
