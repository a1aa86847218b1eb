import { useEffect, useRef, useState } from 'preact/hooks';
import type { WatchView } from '../../src/server/watch/watch-view.ts';
import { clock, spoken } from '../shared/clock.ts';
import { type Picture, pictureAt, readPictures } from '../shared/pictures.ts';

/** Where in the recording it is, and what is shown elsewhere in it. */
export function Timeline(props: {
  atS: number;
  lengthS: number;
  loadedS: number;
  chapters: WatchView['chapters'];
  sprite: string | null;
  onSeek: (toS: number) => void;
}) {
  const { atS, lengthS, loadedS, chapters, sprite, onSeek } = props;
  const [pointedS, setPointedS] = useState<number>();
  const [width, setWidth] = useState(0);
  const line = useRef<HTMLDivElement>(null);
  const pictures = usePictures(sprite, pointedS !== undefined);
  const share = (seconds: number) => (lengthS > 0 ? Math.min(1, seconds / lengthS) : 0);

  function point(event: PointerEvent): void {
    const box = line.current?.getBoundingClientRect();
    if (box === undefined || lengthS === 0) return;
    setWidth(box.width);
    setPointedS(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * lengthS);
  }

  const picture = pointedS === undefined ? undefined : pictureAt(pictures, pointedS);
  return (
    <div
      class="timeline"
      ref={line}
      onPointerMove={point}
      onPointerDown={point}
      onPointerLeave={() => setPointedS(undefined)}
      onPointerCancel={() => setPointedS(undefined)}
    >
      <span class="loaded" style={{ width: `${100 * share(loadedS)}%` }} />
      <span class="done" style={{ width: `${100 * share(atS)}%` }} />
      {chapters
        .filter(({ start_s: startS }) => startS > 0)
        .map(({ start_s: startS }) => (
          <span key={startS} class="tick" style={{ left: `${100 * share(startS)}%` }} />
        ))}
      <input
        type="range"
        aria-label="Time"
        min={0}
        max={Math.max(1, lengthS)}
        step="any"
        value={atS}
        aria-valuetext={`${spoken(atS)} of ${spoken(lengthS)}`}
        onInput={(event) => onSeek(Number(event.currentTarget.value))}
      />
      {pointedS !== undefined && (
        <Preview
          picture={picture}
          leftPx={share(pointedS) * width}
          widthPx={width}
          text={[chapters.findLast(({ start_s: startS }) => startS <= pointedS)?.title, clock(pointedS)]
            .filter(Boolean)
            .join(' · ')}
        />
      )}
    </div>
  );
}

/** A small picture over the pointer, that does not leave the player. */
function Preview(props: { picture: Picture | undefined; leftPx: number; widthPx: number; text: string }) {
  const { picture, leftPx, widthPx, text } = props;
  const halfPx = (picture?.width ?? 64) / 2 + 4;
  const left = Math.min(Math.max(leftPx, halfPx), Math.max(halfPx, widthPx - halfPx));
  return (
    <div class="preview" style={{ left: `${left}px` }} aria-hidden="true">
      {picture !== undefined && (
        <div
          class="picture"
          style={{
            width: `${picture.width}px`,
            height: `${picture.height}px`,
            backgroundImage: `url("${picture.sheet}")`,
            backgroundPosition: `-${picture.x}px -${picture.y}px`,
          }}
        />
      )}
      <span class="number">{text}</span>
    </div>
  );
}

/** Fetched when somebody first points at the line. */
function usePictures(sprite: string | null, isWanted: boolean): readonly Picture[] {
  const [pictures, setPictures] = useState<readonly Picture[]>([]);
  const hasAsked = useRef(false);
  useEffect(() => {
    if (!isWanted || sprite === null || hasAsked.current) return;
    hasAsked.current = true;
    const address = new URL(sprite, location.href).href;
    fetch(address)
      .then(async (response) => response.ok && setPictures(readPictures(await response.text(), address)))
      .catch(() => {});
  }, [isWanted, sprite]);
  return pictures;
}
