import { useEffect, useState } from 'preact/hooks';
import { clock } from '../shared/clock.ts';
import type { AssetView } from './graphql.ts';
import { Link } from './router.tsx';

/**
 * What an asset looks like, with its length, and the way to its timeline for those who point: the name beside it is the way for
 * all others. As long as there is no picture, or it does not come, a sign stands in its place.
 */
export function Poster({ asset }: { asset: AssetView }) {
  const { id, duration, videoCodec, audioCodec, player } = asset;
  const [isBroken, setBroken] = useState(false);
  useEffect(() => setBroken(false), [player.poster]);
  const isSound = videoCodec === null && audioCodec !== null;
  return (
    <Link class="poster" href={`/timeline/${encodeURIComponent(id)}`} tabIndex={-1} aria-hidden="true">
      {player.poster === null || isBroken ? (
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d={isSound ? SOUND : FILM} />
        </svg>
      ) : (
        <img src={player.poster} alt="" loading="lazy" decoding="async" onError={() => setBroken(true)} />
      )}
      {duration !== null && <span class="poster-length number">{clock(duration)}</span>}
    </Link>
  );
}

const FILM = 'M4 5h16v14H4zM8 5v14M16 5v14M4 9.5h4M4 14.5h4M16 9.5h4M16 14.5h4';
const SOUND =
  'M9 18V6l10-2v12M9 18a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0M19 16a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0';
