import { vttTime } from './time.ts';

/** How the pictures of a film are laid out on sheets. */
export interface SpriteLayout {
  readonly columns: number;
  readonly rows: number;
  /** Of one picture. */
  readonly widthPx: number;
  readonly heightPx: number;
  /** From one picture to the next. */
  readonly intervalS: number;
}

/** How many pictures a film of this length has, at least one. */
export function pictureCount(durationS: number, intervalS: number): number {
  // What is left behind the last one has to be worth a picture.
  return Math.max(1, Math.ceil(durationS / intervalS - 0.01));
}

export function sheetCount(pictures: number, { columns, rows }: SpriteLayout): number {
  return Math.ceil(pictures / (columns * rows));
}

/** What a player reads to know which part of which sheet belongs to which time (WebVTT with `#xywh`). */
export function spriteVtt(
  layout: SpriteLayout,
  { durationS, sheetName }: { readonly durationS: number; readonly sheetName: (index: number) => string },
): string {
  const { columns, rows, widthPx, heightPx, intervalS } = layout;
  const count = pictureCount(durationS, intervalS);
  const cues = Array.from({ length: count }, (_, at) => {
    const place = at % (columns * rows);
    const x = (place % columns) * widthPx;
    const y = Math.floor(place / columns) * heightPx;
    const endS = at === count - 1 ? Math.max(durationS, at * intervalS + 0.001) : (at + 1) * intervalS;
    const sheet = sheetName(Math.floor(at / (columns * rows)));
    return `${vttTime(at * intervalS)} --> ${vttTime(endS)}\n${sheet}#xywh=${x},${y},${widthPx},${heightPx}\n`;
  });
  return ['WEBVTT\n', ...cues].join('\n');
}
