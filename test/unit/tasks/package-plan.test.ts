import { describe, expect, it } from 'vitest';
import { type PackageWishes, planPackage } from '../../../src/tasks/support/package-plan.ts';
import { file, film } from '../../support/media-facts.ts';

const FILM = file(film(), undefined);

const WISHES = {
  codec: 'h264',
  segmentS: 4,
  audioBitsPerS: 128_000,
  effort: 'usual',
  segments: 'fmp4',
} as const;

/** Of each rendition that is made smaller the size that it is made of, by its own. */
function madeOf(ladder: PackageWishes['ladder']): Record<string, string> {
  const { behind } = planPackage(FILM, { ...WISHES, ladder }, undefined);
  const graph = behind[behind.indexOf('-filter_complex') + 1] ?? '';
  const sizes = new Map<string, string>();
  const found: Record<string, string> = {};
  let own = '1280x720';
  for (const part of graph.split(';')) {
    const [, from = ''] = /^\[(\w+)\]scale=/.exec(part) ?? [];
    const [, size] = /scale=(\d+:\d+)/.exec(part) ?? [];
    if (size !== undefined) {
      own = size.replace(':', 'x');
      found[own] = sizes.get(from) ?? 'nothing';
    }
    for (const [, label = ''] of part.replace(/^\[\w+\]/, '').matchAll(/\[(s\d+)\]/g)) sizes.set(label, own);
  }
  return found;
}

describe('the renditions of a package', () => {
  it('are made of the next one that is clearly larger, so that few pixels are read again and none is blurred twice', () => {
    expect(madeOf(['R_720P', 'R_480P', 'R_360P', 'R_240P', 'R_144P'])).toEqual({
      '854x480': '1280x720',
      '640x360': '1280x720',
      '426x240': '640x360',
      '256x144': '426x240',
    });
  });

  it('are made of none that is narrower', () => {
    const thin = { widthPx: 300, heightPx: 700, videoBitsPerS: 200_000 };
    expect(madeOf(['R_720P', thin, 'R_240P'])).toEqual({ '300x700': '1280x720', '426x240': '1280x720' });
  });
});
