import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Picture, pictureAt } from '../shared/pictures.ts';
import { openSource } from '../shared/source.ts';
import { AssetJobs, MakeJob } from './asset-jobs.tsx';
import { clock } from './clock.ts';
import { type AssetView, ask, isUnderWay, type PlayerView } from './graphql.ts';
import { Lanes, Preview, usePictures, useWaveform } from './lanes.tsx';
import type { Live } from './live.ts';
import { MakePictures } from './make-pictures.tsx';
import { useMayAct } from './me.tsx';
import { notify, notifyProblem } from './notices.tsx';
import { Loading, Trouble } from './parts.tsx';
import { assetFields } from './questions.ts';
import { useResource } from './resource.ts';
import { Link } from './router.tsx';

/** What is under way is read again so often, in milliseconds: progress comes without a word. */
const AGAIN_MS = 1000;

/** A step where nobody knows how long a picture stands, in seconds. */
const USUAL_FRAME_S = 0.04;

/** So many jobs are shown. */
const MOST_JOBS = 20;

/** From an end of a slider to where its thumb is at its first and its last moment, in pixels. */
const HALF_THUMB_PX = 8;

const FIELDS = assetFields(MOST_JOBS, 'poster sprite waveform hls missing');

interface Shown {
  readonly asset: (AssetView & { readonly frameRate: number | null; readonly player: PlayerView }) | null;
  readonly presets: readonly { readonly name: string }[];
}

/** An asset in time: watched, and cut. */
export function TimelinePage({ live, id }: { live: Live; id: string }) {
  const [isActive, setActive] = useState(false);
  const { data, problem, reload } = useResource<Shown>({
    key: `/graphql?timeline=${id}`,
    live,
    load: () =>
      ask<Shown>(`query ($id: ID!) { asset(id: $id) { ${FIELDS} frameRate } presets { name } }`, { id }),
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
  /** The package that is played; what is made meanwhile takes nothing away from somebody who watches. */
  const [hls, setHls] = useState(asset.player.hls ?? undefined);
  const [hasFailed, setHasFailed] = useState(false);
  const pictures = usePictures(asset.player.sprite);
  const waveform = useWaveform(asset.player.waveform);
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

  // The file cannot be played, and by now there is something that can.
  useEffect(() => {
    if (!cannotPlay || hasFailed || hls !== undefined || asset.player.hls === null) return;
    setCannotPlay(false);
    setHls(asset.player.hls);
  }, [cannotPlay, asset.player.hls]);

  useEffect(() => {
    const element = video.current;
    if (element === null) return;
    if (hls === undefined) {
      element.src = `/api/assets/${encodeURIComponent(asset.id)}/file`;
      return;
    }
    let isOver = false;
    // What was played before lets go of the film before another takes it.
    const fallBack = () =>
      close().then(() => {
        if (isOver) return;
        setHasFailed(true);
        setHls(undefined);
      });
    const opening = openSource(element, hls, { onCaptions() {}, onFailed: () => void fallBack() });
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= opening.then(
        (source) => source.close(),
        () => {},
      );
      return closing;
    };
    opening.catch(fallBack);
    return () => {
      isOver = true;
      void close();
    };
  }, [hls]);

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
          poster={asset.player.poster ?? undefined}
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
          onError={() => hls === undefined && setCannotPlay(true)}
        />
        {cannotPlay && (
          <p role="alert">
            This browser cannot play the file as it is. It can be cut all the same, by numbers; to see it
            here, have a package made of it, such as by hls-720p.
          </p>
        )}
        <Scrubber atS={atS} inS={inS} endS={endS} lengthS={lengthS} pictures={pictures} seek={seek}>
          <Lanes pictures={pictures} waveform={waveform} atS={atS} inS={inS} endS={endS} lengthS={lengthS} />
        </Scrubber>
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
        <MakePictures asset={asset} reload={reload} />
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

/**
 * Where in the film one is, with the part that is marked; by mouse, finger and keyboard. Over the moment that is pointed at, or to
 * which keys go, stands its picture.
 */
function Scrubber(props: {
  atS: number;
  inS: number;
  endS: number;
  lengthS: number;
  pictures: readonly Picture[];
  seek: (toS: number) => void;
  /** What is shown of the film along the slider. */
  children: ComponentChildren;
}) {
  const { atS, inS, endS, lengthS, pictures, seek, children } = props;
  const whole = useRef<HTMLDivElement>(null);
  const [pointedS, setPointedS] = useState<number>();
  const [isSought, setSought] = useState(false);
  const shownS = pointedS ?? (isSought ? atS : undefined);
  const share = (s: number) => (lengthS > 0 ? s / lengthS : 0);

  /** The moment below a pointer. */
  function point(event: PointerEvent): number | undefined {
    const box = whole.current?.getBoundingClientRect();
    if (box === undefined || lengthS === 0) return undefined;
    const lengthPx = Math.max(1, box.width - 2 * HALF_THUMB_PX);
    const momentS = Math.min(1, Math.max(0, (event.clientX - box.left - HALF_THUMB_PX) / lengthPx)) * lengthS;
    setPointedS(momentS);
    return momentS;
  }

  function leave(): void {
    setPointedS(undefined);
    setSought(false);
  }

  return (
    <div class="cutter" ref={whole} onPointerMove={point} onPointerLeave={leave} onPointerCancel={leave}>
      {shownS !== undefined && (
        <Preview
          picture={pictures.length === 0 ? undefined : pictureAt(pictures, shownS)}
          momentS={shownS}
          left={`${HALF_THUMB_PX}px + (100% - ${2 * HALF_THUMB_PX}px) * ${share(shownS)}`}
        />
      )}
      <div class="cutter-line">
        <div
          class="cutter-part"
          style={{ left: `${100 * share(inS)}%`, width: `${100 * share(Math.max(0, endS - inS))}%` }}
          aria-hidden="true"
        />
      </div>
      <input
        type="range"
        aria-label="Where in the film"
        aria-valuetext={`${clock(atS)} of ${clock(lengthS)}`}
        min={0}
        max={lengthS}
        step={0.001}
        value={atS}
        onInput={(event) => {
          setSought(true);
          seek(Number(event.currentTarget.value));
        }}
        onBlur={() => setSought(false)}
      />
      <div
        class="cutter-lanes"
        onPointerDown={(event) => {
          const momentS = event.button === 0 ? point(event) : undefined;
          if (momentS === undefined) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          seek(momentS);
        }}
        onPointerMove={(event) => {
          const momentS = point(event);
          if (momentS !== undefined && event.currentTarget.hasPointerCapture(event.pointerId)) seek(momentS);
        }}
      >
        {children}
      </div>
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
