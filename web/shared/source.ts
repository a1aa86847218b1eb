import type Hls from 'hls.js';

/** Captions that can be shown. */
export interface Captions {
  readonly label: string;
  readonly language: string;
}

/** What feeds the video of a page. */
export interface Source {
  /** Shows the captions of this place in the list, or none. */
  show(index: number | undefined): void;
  close(): void;
}

export interface SourceEvents {
  onCaptions(captions: readonly Captions[]): void;
  /** It cannot go on; `isRefused`: the server no longer gives the files out at these addresses. */
  onFailed(isRefused: boolean): void;
}

/** How often in a row it is begun again by itself. */
const MENDS = 3;

/** Lets a video play what an HLS address names: by the browser itself where that is Safari, else by hls.js. */
export async function openSource(
  video: HTMLVideoElement,
  address: string,
  events: SourceEvents,
): Promise<Source> {
  const isNative = video.canPlayType('application/vnd.apple.mpegurl') !== '';
  if (isNative && navigator.vendor.startsWith('Apple')) return openNative(video, address, events);
  const { default: Player } = await import('hls.js');
  if (Player.isSupported()) return openHls(new Player(OPTIONS), video, address, events);
  return openNative(video, address, events);
}

const OPTIONS = {
  // Packages need no work that would be worth a thread, and the page may run no other script than its own.
  enableWorker: false,
  // What is watched is not on the air: the next minute is enough.
  maxBufferLength: 60,
  backBufferLength: 60,
  capLevelToPlayerSize: true,
};

function openHls(hls: Hls, video: HTMLVideoElement, address: string, events: SourceEvents): Source {
  const { Events, ErrorTypes } = hls.constructor as typeof Hls;
  let mends = 0;
  hls.on(Events.SUBTITLE_TRACKS_UPDATED, (_event, { subtitleTracks }) =>
    events.onCaptions(subtitleTracks.map(({ name, lang = '' }) => ({ label: name, language: lang }))),
  );
  hls.on(Events.FRAG_BUFFERED, () => {
    mends = 0;
  });
  hls.on(Events.ERROR, (_event, { fatal, type, response }) => {
    if (!fatal) return;
    const status = response?.code ?? 0;
    const isRefused = status >= 400 && status < 500;
    mends += 1;
    if (isRefused || mends > MENDS) events.onFailed(isRefused);
    else if (type === ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
    else setTimeout(() => hls.loadSource(address), 2000 * mends);
  });
  hls.subtitleDisplay = true;
  hls.loadSource(address);
  hls.attachMedia(video);
  return {
    show(index) {
      hls.subtitleTrack = index ?? -1;
    },
    close: () => hls.destroy(),
  };
}

function openNative(video: HTMLVideoElement, address: string, events: SourceEvents): Source {
  const tracks = () =>
    [...video.textTracks].filter(({ kind }) => kind === 'subtitles' || kind === 'captions');
  const tell = () => events.onCaptions(tracks().map(({ label, language }) => ({ label, language })));
  const fail = () => events.onFailed(true);
  video.textTracks.addEventListener('addtrack', tell);
  video.addEventListener('error', fail);
  video.src = address;
  return {
    show(index) {
      for (const [at, track] of tracks().entries()) track.mode = at === index ? 'showing' : 'disabled';
    },
    close() {
      video.textTracks.removeEventListener('addtrack', tell);
      video.removeEventListener('error', fail);
      video.removeAttribute('src');
      video.load();
    },
  };
}
