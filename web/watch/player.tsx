import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { WatchView } from '../../src/server/watch/watch-view.ts';
import { clock } from '../shared/clock.ts';
import { type Captions, openSource, type Source } from '../shared/source.ts';
import { keyDeed } from './keys.ts';
import type { Memory } from './memory.ts';
import { Timeline } from './timeline.tsx';

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2] as const;

/** How often the place is kept while it plays, in milliseconds. */
const KEEP_EVERY_MS = 5000;

/** After so long without a movement the controls go out of the picture that fills the screen, in milliseconds. */
const IDLE_MS = 3000;

/** The video with its controls. Nothing of it is fetched before somebody wants to watch. */
export function Player(props: {
  id: string;
  view: WatchView;
  address: string;
  memory: Memory;
  /** The addresses of a player before this one were refused while somebody watched. */
  isAgain: boolean;
  onRefused: () => void;
  /** Stands between the video and its chapters. */
  children: ComponentChildren;
}) {
  const { id, view, address, memory, isAgain, onRefused, children } = props;
  const stage = useRef<HTMLElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const source = useRef<Source>();
  /** While it begins to be fetched: whether it is to play then. */
  const opening = useRef<{ plays: boolean }>();
  /** Where it begins once its length is known, in seconds. */
  const startS = useRef(0);
  const [hasBegun, setHasBegun] = useState(false);
  const [isPlaying, setIsPlaying] = useState(false);
  const [isWaiting, setIsWaiting] = useState(false);
  const [atS, setAtS] = useState(memory.placeOf(id) ?? 0);
  const [lengthS, setLengthS] = useState(view.duration_s ?? 0);
  const [loadedS, setLoadedS] = useState(0);
  const [isMuted, setIsMuted] = useState(false);
  const [speed, setSpeed] = useState(Number(memory.liking('speed') ?? 1) || 1);
  const [captions, setCaptions] = useState<readonly Captions[]>([]);
  const [shown, setShown] = useState<number>();
  const [isFull, setIsFull] = useState(false);
  const [isIdle, setIsIdle] = useState(false);
  const [resumedS, setResumedS] = useState<number>();
  const [problem, setProblem] = useState(false);

  /** Begins to fetch, and plays from where somebody was. */
  async function begin(fromS = memory.placeOf(id) ?? 0): Promise<void> {
    const element = video.current;
    if (element === null || source.current !== undefined || opening.current !== undefined) return;
    const wish = { plays: true };
    opening.current = wish;
    startS.current = fromS;
    setHasBegun(true);
    setIsWaiting(true);
    setProblem(false);
    const startAt = () => {
      if (startS.current > 0) element.currentTime = startS.current;
      element.playbackRate = speed;
    };
    element.addEventListener('loadedmetadata', startAt, { once: true });
    // Asked for within the click: else a browser might take it for a page that plays by itself.
    source.current = await openSource(element, address, {
      onCaptions: setCaptions,
      onFailed(isRefused) {
        source.current?.close();
        source.current = undefined;
        if (isRefused && !isAgain) onRefused();
        else setProblem(true);
      },
    }).finally(() => {
      opening.current = undefined;
    });
    if (fromS > 0) setResumedS(fromS);
    if (wish.plays) element.play().catch(() => setIsWaiting(false));
    else setIsWaiting(false);
  }

  const toggle = () => {
    const element = video.current;
    if (element === null) return;
    if (opening.current !== undefined) opening.current.plays = !opening.current.plays;
    else if (source.current === undefined) void begin();
    else if (element.paused) void element.play().catch(() => {});
    else element.pause();
  };

  function seek(toS: number): void {
    const at = Math.min(Math.max(0, toS), lengthS);
    setAtS(at);
    setResumedS(undefined);
    startS.current = at;
    if (source.current === undefined) void begin(at);
    else if (video.current !== null) video.current.currentTime = at;
  }

  function choose(index: number | undefined): void {
    setShown(index);
    source.current?.show(index);
    memory.keepLiking('captions', index === undefined ? 'off' : (captions[index]?.language ?? ''));
  }

  /** None, the first, the next one, and none again. */
  function nextCaptions(): void {
    if (captions.length === 0) return;
    const next = shown === undefined ? 0 : shown + 1;
    choose(next < captions.length ? next : undefined);
  }

  function fill(): void {
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    else if (stage.current?.requestFullscreen !== undefined) void stage.current.requestFullscreen();
    // On an iPhone nothing but the video itself fills the screen.
    else (video.current as { webkitEnterFullscreen?: () => void } | null)?.webkitEnterFullscreen?.();
  }

  function mute(isSilent: boolean): void {
    setIsMuted(isSilent);
    if (video.current !== null) video.current.muted = isSilent;
  }

  function changeSpeed(to: number): void {
    setSpeed(to);
    memory.keepLiking('speed', String(to));
    if (video.current !== null) video.current.playbackRate = to;
  }

  useEffect(() => {
    if (isAgain) void begin();
    return () => {
      source.current?.close();
      source.current = undefined;
    };
  }, []);

  // Captions that somebody has had on before are on again.
  useEffect(() => {
    const liked = memory.liking('captions');
    const index = captions.findIndex(({ language }) => language === liked);
    const wanted = index < 0 ? undefined : index;
    setShown(wanted);
    source.current?.show(wanted);
  }, [captions]);

  useEffect(() => {
    const keep = () => {
      if (source.current !== undefined && video.current !== null && lengthS > 0)
        memory.keepPlace(id, video.current.currentTime, lengthS);
    };
    const timer = setInterval(keep, KEEP_EVERY_MS);
    addEventListener('pagehide', keep);
    return () => {
      clearInterval(timer);
      removeEventListener('pagehide', keep);
      keep();
    };
  }, [lengthS]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const deed = keyDeed(event);
      if (deed === undefined) return;
      event.preventDefault();
      const element = video.current;
      if (deed === 'toggle') toggle();
      else if (deed === 'fill') fill();
      else if (deed === 'mute') mute(!isMuted);
      else if (deed === 'captions') nextCaptions();
      else if ('byS' in deed) seek((element?.currentTime ?? 0) + deed.byS);
      else if ('share' in deed) seek(lengthS * deed.share);
      else if (element !== null) {
        element.volume = Math.min(1, Math.max(0, element.volume + deed.louder));
        mute(false);
      }
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const wake = () => {
      setIsIdle(false);
      clearTimeout(timer);
      timer = setTimeout(() => setIsIdle(true), IDLE_MS);
    };
    const onFull = () => setIsFull(document.fullscreenElement !== null);
    document.addEventListener('fullscreenchange', onFull);
    for (const type of ['pointermove', 'pointerdown', 'keydown']) document.addEventListener(type, wake);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('fullscreenchange', onFull);
      for (const type of ['pointermove', 'pointerdown', 'keydown']) document.removeEventListener(type, wake);
    };
  }, []);

  useEffect(() => {
    if (!hasBegun || !('mediaSession' in navigator)) return;
    const artwork = view.poster === null ? [] : [{ src: new URL(view.poster, location.href).href }];
    navigator.mediaSession.metadata = new MediaMetadata({ title: view.title, artwork });
  }, [hasBegun]);

  function onTime(): void {
    const element = video.current;
    if (element === null) return;
    setAtS(element.currentTime);
    const { buffered } = element;
    for (let at = 0; at < buffered.length; at += 1) {
      if (buffered.start(at) <= element.currentTime) setLoadedS(buffered.end(at));
    }
  }

  const chapter = view.chapters.findLast(({ start_s: startS }) => startS <= atS);
  const isHidden = isFull && isIdle && isPlaying;
  return (
    <>
      <section
        ref={stage}
        class={`player ${isFull ? 'full' : ''} ${isHidden ? 'idle' : ''}`}
        aria-label="Player"
      >
        <div class="screen">
          {/* biome-ignore lint/a11y/useMediaCaption: captions come with what is played, where there are any */}
          <video
            ref={video}
            poster={view.poster ?? undefined}
            playsInline
            preload="none"
            onClick={toggle}
            onPlay={() => setIsPlaying(true)}
            onPause={() => setIsPlaying(false)}
            onWaiting={() => setIsWaiting(true)}
            onPlaying={() => setIsWaiting(false)}
            onTimeUpdate={onTime}
            onProgress={onTime}
            onVolumeChange={(event) => setIsMuted(event.currentTarget.muted)}
            onDurationChange={({ currentTarget: { duration } }) =>
              Number.isFinite(duration) && duration > 0 && setLengthS(duration)
            }
          />
          {!hasBegun && (
            <button type="button" class="begin" onClick={toggle}>
              <Sign name="play" />
              <span class="hidden-text">Play {view.title}</span>
            </button>
          )}
          {isWaiting && !problem && <span class="spinner" aria-hidden="true" />}
          {resumedS !== undefined && (
            <p class="resumed">
              Goes on at {clock(resumedS)}.{' '}
              <button type="button" onClick={() => seek(0)}>
                From the beginning
              </button>
            </p>
          )}
          {problem && (
            <div class="problem" role="alert">
              <p>This recording cannot be played just now.</p>
              <button type="button" onClick={() => void begin(atS)}>
                Try again
              </button>
            </div>
          )}
        </div>
        <div class="controls">
          <Timeline
            atS={atS}
            lengthS={lengthS}
            loadedS={loadedS}
            chapters={view.chapters}
            sprite={view.sprite}
            onSeek={seek}
          />
          <div class="buttons">
            <button
              type="button"
              class="sign"
              onClick={toggle}
              title={isPlaying ? 'Pause (space)' : 'Play (space)'}
            >
              <Sign name={isPlaying ? 'pause' : 'play'} />
              <span class="hidden-text">{isPlaying ? 'Pause' : 'Play'}</span>
            </button>
            <button
              type="button"
              class="sign"
              aria-pressed={isMuted}
              onClick={() => mute(!isMuted)}
              title={isMuted ? 'Sound on (m)' : 'Sound off (m)'}
            >
              <Sign name={isMuted ? 'muted' : 'sound'} />
              <span class="hidden-text">Mute</span>
            </button>
            <span class="time number">
              {clock(atS)} <span class="of">/ {clock(lengthS)}</span>
            </span>
            <span class="chapter">{chapter?.title}</span>
            {captions.length > 0 && (
              <button
                type="button"
                class="sign captions"
                aria-pressed={shown !== undefined}
                onClick={nextCaptions}
                title="Captions (c)"
              >
                <Sign name="captions" />
                <span class="hidden-text">Captions</span>
                {shown !== undefined && captions.length > 1 && <span>{captions[shown]?.label}</span>}
              </button>
            )}
            <label class="speed" title="Speed">
              <span class="hidden-text">Speed</span>
              <select
                value={String(speed)}
                onChange={(event) => changeSpeed(Number(event.currentTarget.value))}
              >
                {SPEEDS.map((each) => (
                  <option key={each} value={String(each)}>
                    {each} ×
                  </option>
                ))}
              </select>
            </label>
            <button type="button" class="sign" onClick={fill} title="Fill the screen (f)">
              <Sign name={isFull ? 'small' : 'full'} />
              <span class="hidden-text">{isFull ? 'Leave the full screen' : 'Fill the screen'}</span>
            </button>
          </div>
        </div>
      </section>
      {children}
      {view.chapters.length > 0 && (
        <nav class="chapters" aria-label="Chapters">
          <ol>
            {view.chapters.map((each) => (
              <li key={each.start_s}>
                <button
                  type="button"
                  aria-current={each === chapter && hasBegun ? 'true' : undefined}
                  onClick={() => seek(each.start_s)}
                >
                  <span class="number muted">{clock(each.start_s)}</span> {each.title}
                </button>
              </li>
            ))}
          </ol>
        </nav>
      )}
    </>
  );
}

const SIGNS = {
  play: 'M8 5v14l11-7z',
  pause: 'M7 5h4v14H7zM13 5h4v14h-4z',
  sound: 'M4 9v6h4l5 4V5L8 9zM16 8.5a5 5 0 0 1 0 7M18.5 6a8.5 8.5 0 0 1 0 12',
  muted: 'M4 9v6h4l5 4V5L8 9zM16 9.5l5 5M21 9.5l-5 5',
  captions: 'M3 6h18v12H3zM10.5 10.5a2 2 0 1 0 0 3M17 10.5a2 2 0 1 0 0 3',
  full: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  small: 'M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5',
} as const;

function Sign({ name }: { name: keyof typeof SIGNS }) {
  const isSolid = name === 'play' || name === 'pause';
  return (
    <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" class={isSolid ? 'solid' : 'lines'}>
      <path d={SIGNS[name]} />
    </svg>
  );
}
