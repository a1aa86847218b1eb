import { describe, expect, it } from 'vitest';
import {
  isMarkedTitle,
  markedBytes,
  markedTitle,
  markOf,
  ownerOf,
  plainTitle,
  tagsOf,
} from '../../../src/domain/video-mark.ts';

const id = 'rec_0123456789abcdef01234567';
const other = 'rec_aaaaaaaaaaaaaaaaaaaaaaaa';

describe('the mark in a title', () => {
  it.each([
    ['a plain one', 'Algebra'],
    ['brackets and signs', 'Algebra [draft] (2/3) & 100% *?.+^$ "x"'],
    ['many scripts', '代数 Алгебра الجبر 👩‍🏫 é'],
    ['a very long one', '代数'.repeat(125)],
    ['a very long one of emoji', '👩‍🏫'.repeat(80)],
    ['the mark of another recording', markedTitle({ id: other, title: 'Algebra' })],
    ['nothing but the mark of another', markedTitle({ id: other, title: '' })],
    ['no letters', '   '],
  ])('names its recording, whatever the title is: %s', (_name, title) => {
    const marked = markedTitle({ id, title });

    expect(ownerOf({ title: marked, tags: [] })).toBe(id);
    expect(marked).toContain(markOf(id));
    expect(isMarkedTitle(marked)).toBe(true);
    expect(Array.from(marked).length).toBeLessThanOrEqual(200);
    expect(marked).not.toMatch(/\p{Cs}/u);

    expect(plainTitle(title)).not.toBe('');
    expect(ownerOf({ title: plainTitle(title), tags: [] })).toBeUndefined();
  });

  it.each(['Algebra', 'Algebra [sluice]', '[sluice ] x', 'sluice 0123456789abcdef01234567', ''])(
    'is not seen in %j',
    (title) => {
      expect(ownerOf({ title, tags: [] })).toBeUndefined();
      expect(isMarkedTitle(title)).toBe(false);
    },
  );

  it('counts less than the tag', () => {
    const tags = tagsOf([], { recordingId: id, bytes: 7 });

    expect(ownerOf({ title: markedTitle({ id: other, title: 'Algebra' }), tags })).toBe(id);
  });
});

describe('the tags', () => {
  it('leave those of others alone, and are the same however often they are given', () => {
    const theirs = { property: 'og:title', value: 'Hello' };
    const once = tagsOf([theirs], { recordingId: id, bytes: 7 });

    expect(once).toContainEqual(theirs);
    expect(tagsOf(once, { recordingId: id, bytes: 7 })).toEqual(once);
    expect(markedBytes({ title: '', tags: once })).toBe(7);
    expect(
      markedBytes({ title: '', tags: [theirs, { property: 'sluice-bytes', value: 'x' }] }),
    ).toBeUndefined();
  });
});
