import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type Picture, pictureAt, readPictures } from '../shared/pictures.ts';
import { clock } from './clock.ts';

/** How high the small pictures stand in a row, in pixels. */
const ROW_HEIGHT_PX = 54;

/** How high the small picture over the pointer is at the most, in pixels. */
const MOST_PREVIEW_PX = 160;

/** How loud it is over its length, as the server tells it. */
interface Waveform {
  readonly duration_s: number;
  readonly peaks: readonly number[];
}

/** What a film shows and how loud it is over its length, below the slider that is at the same moments; pressed, it goes there. */
export function Lanes(props: {
  pictures: readonly Picture[];
  waveform: Waveform | undefined;
  atS: number;
  inS: number;
  endS: number;
  lengthS: number;
}) {
  const { pictures, waveform, atS, inS, endS, lengthS } = props;
  if (lengthS === 0 || (pictures.length === 0 && waveform === undefined)) return null;
  const percent = (seconds: number) => `${Math.min(100, Math.max(0, (100 * seconds) / lengthS))}%`;
  return (
    <div class="lanes" aria-hidden="true">
      {pictures.length > 0 && <PictureRow pictures={pictures} lengthS={lengthS} />}
      {waveform !== undefined && <Loudness waveform={waveform} lengthS={lengthS} playedTo={percent(atS)} />}
      <span class="lanes-outside" style={{ left: 0, width: percent(inS) }} />
      <span class="lanes-outside" style={{ left: percent(endS), right: 0 }} />
      <span class="lanes-now" style={{ left: percent(atS) }} />
    </div>
  );
}

/** As many pictures as fit beside each other, each of the moment at its middle. */
function PictureRow({ pictures, lengthS }: { pictures: readonly Picture[]; lengthS: number }) {
  const row = useRef<HTMLDivElement>(null);
  const [widthPx, setWidthPx] = useState(0);
  useLayoutEffect(() => {
    if (row.current === null) return;
    const watched = new ResizeObserver(([entry]) => setWidthPx(entry?.contentRect.width ?? 0));
    watched.observe(row.current);
    return () => watched.disconnect();
  }, []);
  const [first] = pictures;
  const shape = first === undefined ? 1 : first.width / first.height;
  const count = Math.ceil(widthPx / (ROW_HEIGHT_PX * shape));
  return (
    <div class="picture-row" ref={row}>
      {Array.from({ length: count }, (_, at) => {
        const momentS = Math.min(lengthS, ((at + 0.5) * ROW_HEIGHT_PX * shape * lengthS) / widthPx);
        const picture = pictureAt(pictures, momentS);
        return picture && <Small key={at} picture={picture} heightPx={ROW_HEIGHT_PX} />;
      })}
    </div>
  );
}

/** A part of a sheet, so high. */
function Small({ picture, heightPx }: { picture: Picture; heightPx: number }) {
  const { sheet, x, y, width, height } = picture;
  const scale = heightPx / height;
  return (
    <span class="small-picture" style={{ width: `${width * scale}px`, height: `${heightPx}px` }}>
      <span
        class="of-sheet"
        style={{
          width: `${width}px`,
          height: `${height}px`,
          backgroundImage: `url("${sheet}")`,
          backgroundPosition: `-${x}px -${y}px`,
          transform: `scale(${scale})`,
        }}
      />
    </span>
  );
}

/** Drawn around its middle, what was played already in another colour. */
function Loudness({
  waveform,
  lengthS,
  playedTo,
}: {
  waveform: Waveform;
  lengthS: number;
  playedTo: string;
}) {
  const { peaks, duration_s: heardS } = waveform;
  // It may be longer or shorter than what is played.
  const shown = (peaks.length * lengthS) / Math.max(heardS, 0.001);
  const drawn = outline(peaks);
  const picture = () => (
    <svg viewBox={`0 0 ${shown} 2`} preserveAspectRatio="none" aria-hidden="true">
      <path d={drawn} />
    </svg>
  );
  return (
    <div class="loudness">
      {picture()}
      <div class="loudness-played" style={{ clipPath: `inset(0 calc(100% - ${playedTo}) 0 0)` }}>
        {picture()}
      </div>
    </div>
  );
}

/** Silence is a line, too. */
function outline(peaks: readonly number[]): string {
  const high = peaks.map((peak) => Math.max(0.02, Math.min(1, peak)));
  const above = high.map((peak, at) => `${at} ${round(1 - peak)}L${at + 1} ${round(1 - peak)}`);
  const below = high.map((peak, at) => `${at + 1} ${round(1 + peak)}L${at} ${round(1 + peak)}`).reverse();
  return `M${[...above, ...below].join('L')}Z`;
}

const round = (value: number) => Math.round(value * 1000) / 1000;

/**
 * The picture of a moment, over the slider; it does not leave it.
 *
 * @param left Where the moment is, as a length of CSS
 */
export function Preview({
  picture,
  momentS,
  left,
}: {
  picture: Picture | undefined;
  momentS: number;
  left: string;
}) {
  const heightPx = Math.min(picture?.height ?? 0, MOST_PREVIEW_PX);
  const halfPx = picture === undefined ? 40 : (picture.width * heightPx) / picture.height / 2 + 2;
  return (
    <div
      class="cutter-preview"
      style={{ left: `clamp(${halfPx}px, ${left}, 100% - ${halfPx}px)` }}
      aria-hidden="true"
    >
      {picture !== undefined && <Small picture={picture} heightPx={heightPx} />}
      <span class="number">{clock(momentS)}</span>
    </div>
  );
}

/** The small pictures that an address names; none until they are there. */
export function usePictures(address: string | null): readonly Picture[] {
  const text = useFetched(address, (response) => response.text());
  const [pictures, setPictures] = useState<readonly Picture[]>([]);
  useEffect(
    () =>
      setPictures(
        text === undefined || address === null
          ? []
          : readPictures(text, new URL(address, location.href).href),
      ),
    [text],
  );
  return pictures;
}

export function useWaveform(address: string | null): Waveform | undefined {
  return useFetched<Waveform>(address, (response) => response.json());
}

/** What lies at an address, once it has come; what does not come is not shown. */
function useFetched<T>(address: string | null, read: (response: Response) => Promise<T>): T | undefined {
  const [found, setFound] = useState<T>();
  useEffect(() => {
    setFound(undefined);
    if (address === null) return;
    const ending = new AbortController();
    fetch(address, { signal: ending.signal })
      .then(async (response) => {
        if (!response.ok) return;
        const told = await read(response);
        if (!ending.signal.aborted) setFound(told);
      })
      .catch(() => {});
    return () => ending.abort();
  }, [address]);
  return found;
}
