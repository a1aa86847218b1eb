import stringWidth from 'string-width';

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** How many columns of a terminal a text takes; its colours take none, and Chinese characters and emoji two. */
export const widthOf = (text: string): number => stringWidth(text);

/** A text that was written elsewhere, without what would move a terminal's cursor or turn the line around. */
export function printable(text: string): string {
  return text.replace(/\s+/gu, ' ').replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '');
}

/** As much of a text without colours as fits; what does not fit ends in an ellipsis. */
export function clip(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let keptWidth = 0;
  for (const { segment } of segmenter.segment(text)) {
    keptWidth += widthOf(segment);
    if (keptWidth > width - 1) break;
    kept += segment;
  }
  return width < 1 ? '' : `${kept}…`;
}

/** The text, and blanks up to the width. */
export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

/** Blanks, and the text at the end of the width. */
export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - widthOf(text))) + text;
}
