export const MARK_POSITIONS = ['center', 'top-left', 'top-right', 'bottom-left', 'bottom-right'] as const;

export type MarkPosition = (typeof MARK_POSITIONS)[number];

/** From the edges of the film, in pixels. */
const MARGIN = 24;

const PLACES: Readonly<Record<MarkPosition, string>> = {
  center: '(W-w)/2:(H-h)/2',
  'top-left': `${MARGIN}:${MARGIN}`,
  'top-right': `W-w-${MARGIN}:${MARGIN}`,
  'bottom-left': `${MARGIN}:H-h-${MARGIN}`,
  'bottom-right': `W-w-${MARGIN}:H-h-${MARGIN}`,
};

/** The filter that draws the picture of the second input on a film, in its own shape. */
export function overlayOf(
  film: string,
  { markWidthPx, position }: { readonly markWidthPx: number; readonly position: MarkPosition },
): string {
  return `${film}[plain];[1:v]scale=${markWidthPx}:-1[mark];[plain][mark]overlay=${PLACES[position]}:format=auto,format=yuv420p`;
}
