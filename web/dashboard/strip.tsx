import { formatBytes, formatCount } from '../shared/format.ts';
import { useStore } from '../shared/store.ts';
import type { Live } from './live.ts';
import { Link } from './router.tsx';
import type { OverviewView } from './types.ts';

/** How many there are of each, with the way to them. */
export function Strip({
  live,
  overview,
  held,
}: {
  live: Live;
  overview: OverviewView | undefined;
  held: number | undefined;
}) {
  const status = useStore(live.state, (all) => all.status);
  const failed = status?.counts.failed ?? 0;
  const disk = status?.disk;
  const isShort = disk !== undefined && disk.free_bytes <= disk.reserve_bytes;
  return (
    <ul class="strip card" aria-label="At a glance">
      <Tile
        href="/recordings?state=moving"
        number={count(status && (status.counts.moving ?? 0))}
        words="moving"
      />
      <Tile href="/recordings?waits=turn" number={count(overview?.in_line)} words="in line" />
      <Tile href="/recordings?waits=something" number={count(held)} words="waiting for something" />
      <Tile
        href="/recordings?state=failed"
        number={count(status && failed)}
        words="failed"
        tone={failed > 0 ? 'bad' : undefined}
      />
      <Tile
        href={`/recordings?state=done&ended=${today()}`}
        number={count(overview?.done_since)}
        words="done today"
      />
      <Tile
        href="#surroundings"
        number={disk === undefined ? '–' : formatBytes(disk.free_bytes)}
        words="free on the disk"
        tone={isShort ? 'bad' : undefined}
      />
    </ul>
  );
}

function Tile(props: { href: string; number: string; words: string; tone?: 'bad' | undefined }) {
  const content = (
    <>
      <span class="strip-number number">{props.number}</span> <span class="small muted">{props.words}</span>
    </>
  );
  return (
    <li class={props.tone ?? ''}>
      {props.href.startsWith('#') ? (
        <a href={props.href}>{content}</a>
      ) : (
        <Link href={props.href}>{content}</Link>
      )}
    </li>
  );
}

const count = (number: number | undefined) => (number === undefined ? '–' : formatCount(number));

/** Today by the viewer's clock, as a date field writes it. */
function today(): string {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}
