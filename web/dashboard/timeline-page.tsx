import { useEffect, useRef, useState } from 'preact/hooks';
import { AssetJobs, MakeJob } from './asset-jobs.tsx';
import { clock } from './clock.ts';
import { ASSET, type AssetView, ask, isUnderWay } from './graphql.ts';
import type { Live } from './live.ts';
import { useMayAct } from './me.tsx';
import { notify, notifyProblem } from './notices.tsx';
import { Loading, Trouble } from './parts.tsx';
import { useResource } from './resource.ts';
import { Link } from './router.tsx';

/** What is under way is read again so often, in milliseconds: progress comes without a word. */
const AGAIN_MS = 1000;

/** A step where nobody knows how long a picture stands, in seconds. */
const USUAL_FRAME_S = 0.04;

interface Shown {
  readonly asset: (AssetView & { readonly frameRate: number | null }) | null;
  readonly presets: readonly { readonly name: string }[];
}

/** An asset in time: watched, and cut. */
export function TimelinePage({ live, id }: { live: Live; id: string }) {
  const [isActive, setActive] = useState(false);
  const { data, problem, reload } = useResource<Shown>({
    key: `/graphql?timeline=${id}`,
    live,
    load: () =>
      ask<Shown>(`query ($id: ID!) { asset(id: $id) { ${ASSET} frameRate } presets { name } }`, { id }),
    onNews: ({ recording }) => recording?.source === 'library',
    ...(isActive ? { everyMs: AGAIN_MS } : {}),
  });
  const asset = data?.asset;
  useEffect(() => setActive(asset != null && isUnderWay(asset)), [asset]);
  return (
    <main id="main">
      <h1 tabIndex={-1} data-page-title>
        {asset?.filename ?? 'Timeline'}
      </h1>
      <p class="small">
        <Link href="/library">Library</Link>
      </p>
      {problem && data === undefined && <Trouble problem={problem} retry={reload} />}
      {data === undefined && !problem && <Loading what="the asset" />}
      {asset === null && <p>There is no such asset.</p>}
      {asset != null && <Cutter asset={asset} presets={data?.presets ?? []} reload={reload} />}
    </main>
  );
}

function Cutter({
  asset,
  presets,
  reload,
}: {
  asset: NonNullable<Shown['asset']>;
  presets: Shown['presets'];
  reload: () => void;
}) {
  const mayAct = useMayAct();
  const video = useRef<HTMLVideoElement>(null);
  const [lengthS, setLengthS] = useState(asset.duration ?? 0);
  const [atS, setAtS] = useState(0);
  const [inS, setInS] = useState(0);
  const [outS, setOutS] = useState<number>();
  const [cannotPlay, setCannotPlay] = useState(false);
  /** As they are now: a key may be pressed before what the last one did is shown. */
  const now = useRef({ atS: 0, inS: 0 });
  /** Until where it plays, while the part is tried. */
  const untilS = useRef<number>();
  const endS = outS ?? lengthS;
  const frameS = asset.frameRate ? 1 / asset.frameRate : USUAL_FRAME_S;

  function seek(toS: number): void {
    const to = Math.min(Math.max(0, toS), lengthS);
    untilS.current = undefined;
    now.current.atS = to;
    setAtS(to);
    if (video.current !== null) video.current.currentTime = to;
  }

  function markIn(toS: number): void {
    const to = Math.min(Math.max(0, toS), lengthS);
    now.current.inS = to;
    setInS(to);
    if (outS !== undefined && outS <= to) setOutS(undefined);
  }

  function markOut(toS: number): void {
    const to = Math.min(Math.max(0, toS), lengthS);
    if (to > now.current.inS) setOutS(to);
  }

  function toggle(): void {
    untilS.current = undefined;
    if (video.current?.paused) void video.current.play().catch(() => setCannotPlay(true));
    else video.current?.pause();
  }

  /** Plays the part from its beginning to its end. */
  function tryPart(): void {
    if (video.current === null) return;
    video.current.currentTime = inS;
    untilS.current = endS;
    void video.current.play().catch(() => setCannotPlay(true));
  }

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const { target, altKey, ctrlKey, metaKey } = event;
      const name = target instanceof Element ? target.localName : '';
      if (altKey || ctrlKey || metaKey || ['input', 'select', 'textarea'].includes(name)) return;
      if (name === 'button' && event.key === ' ') return;
      const deed = {
        ' ': toggle,
        i: () => markIn(now.current.atS),
        o: () => markOut(now.current.atS),
        ',': () => seek(now.current.atS - frameS),
        '.': () => seek(now.current.atS + frameS),
        ArrowLeft: () => seek(now.current.atS - 5),
        ArrowRight: () => seek(now.current.atS + 5),
        Home: () => seek(0),
        End: () => seek(lengthS),
      }[event.key];
      if (deed === undefined) return;
      event.preventDefault();
      deed();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  });

  return (
    <>
      <section class="card" aria-label="Player">
        {/* biome-ignore lint/a11y/useMediaCaption: it is looked at to be cut, before there are any */}
        <video
          ref={video}
          class="cutter-film"
          src={`/api/assets/${encodeURIComponent(asset.id)}/file`}
          preload="metadata"
          playsInline
          onLoadedMetadata={({ currentTarget: { duration } }) =>
            Number.isFinite(duration) && setLengthS(duration)
          }
          onTimeUpdate={({ currentTarget }) => {
            now.current.atS = currentTarget.currentTime;
            setAtS(currentTarget.currentTime);
            if (untilS.current !== undefined && currentTarget.currentTime >= untilS.current) {
              untilS.current = undefined;
              currentTarget.pause();
            }
          }}
          onError={() => setCannotPlay(true)}
        />
        {cannotPlay && (
          <p role="alert">
            This browser cannot play the file as it is. It can be cut all the same, by numbers; to see it
            here, make an MP4 of it, such as by web-720p, and look at that.
          </p>
        )}
        <Scrubber atS={atS} inS={inS} endS={endS} lengthS={lengthS} seek={seek} />
        <div class="actions">
          <button type="button" class="primary" onClick={toggle}>
            Play or pause
          </button>
          <button type="button" onClick={() => seek(atS - frameS)}>
            One picture back
          </button>
          <button type="button" onClick={() => seek(atS + frameS)}>
            One picture on
          </button>
          <button type="button" onClick={() => markIn(atS)}>
            Begin here
          </button>
          <button type="button" onClick={() => markOut(atS)}>
            End here
          </button>
          <button type="button" onClick={tryPart}>
            Play the part
          </button>
        </div>
        <p class="small muted">
          Keys: space plays, I and O mark where the part begins and ends, comma and full stop go by one
          picture, arrows by five seconds.
        </p>
      </section>
      {mayAct && (
        <Part
          asset={asset}
          inS={inS}
          endS={endS}
          lengthS={lengthS}
          markIn={markIn}
          markOut={markOut}
          reload={reload}
        />
      )}
      <section class="card" aria-labelledby="jobs">
        <h2 id="jobs">What is made of it</h2>
        <AssetJobs jobs={asset.jobs} reload={reload} />
        {mayAct && <MakeJob assetId={asset.id} presets={presets.map(({ name }) => name)} reload={reload} />}
      </section>
    </>
  );
}

/** Where in the film one is, with the part that is marked; by mouse, finger and keyboard. */
function Scrubber(props: {
  atS: number;
  inS: number;
  endS: number;
  lengthS: number;
  seek: (toS: number) => void;
}) {
  const { atS, inS, endS, lengthS, seek } = props;
  const share = (s: number) => (lengthS > 0 ? `${(100 * s) / lengthS}%` : '0%');
  return (
    <div class="cutter">
      <div
        class="cutter-part"
        style={{ left: share(inS), width: share(Math.max(0, endS - inS)) }}
        aria-hidden="true"
      />
      <input
        type="range"
        aria-label="Where in the film"
        aria-valuetext={`${clock(atS)} of ${clock(lengthS)}`}
        min={0}
        max={lengthS}
        step={0.001}
        value={atS}
        onInput={(event) => seek(Number(event.currentTarget.value))}
      />
      <p class="number small">
        {clock(atS)} of {clock(lengthS)}
      </p>
    </div>
  );
}

/** The part that is to be cut out, as numbers, and how. */
function Part(props: {
  asset: AssetView;
  inS: number;
  endS: number;
  lengthS: number;
  markIn: (toS: number) => void;
  markOut: (toS: number) => void;
  reload: () => void;
}) {
  const { asset, inS, endS, lengthS, markIn, markOut, reload } = props;
  const [isExact, setExact] = useState(false);
  const [isBusy, setBusy] = useState(false);

  async function cut(): Promise<void> {
    setBusy(true);
    try {
      await ask('mutation ($input: TrimJobInput!) { createTrimJob(input: $input) { id } }', {
        input: { sourceAssetId: asset.id, start: round(inS), end: round(endS), reencode: isExact },
      });
      notify(`The part from ${clock(inS)} to ${clock(endS)} is asked for.`);
      reload();
    } catch (problem) {
      notifyProblem(problem);
    } finally {
      setBusy(false);
    }
  }

  return (
    <section class="card" aria-labelledby="part">
      <h2 id="part">The part</h2>
      <form
        class="inline-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy) void cut();
        }}
      >
        <label>
          From, in seconds
          <input
            type="number"
            min={0}
            max={lengthS}
            step="any"
            value={round(inS)}
            onChange={(event) => markIn(Number(event.currentTarget.value))}
          />
        </label>
        <label>
          To, in seconds
          <input
            type="number"
            min={0}
            max={lengthS}
            step="any"
            value={round(endS)}
            onChange={(event) => markOut(Number(event.currentTarget.value))}
          />
        </label>
        <label>
          How
          <select
            value={isExact ? 'exact' : 'copy'}
            onChange={(event) => setExact(event.currentTarget.value === 'exact')}
          >
            <option value="copy">As it is, from the keyframe before</option>
            <option value="exact">Encoded anew, exactly</option>
          </select>
        </label>
        <button type="submit" class="primary" aria-disabled={isBusy}>
          Cut it out
        </button>
      </form>
      <p class="small muted" role="status">
        {clock(Math.max(0, endS - inS))} long
      </p>
    </section>
  );
}

/** To the millisecond. */
function round(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
