import { describe, expect, it } from 'vitest';
import { belongsTo, nextAceId } from '../../../web/upload/ace-ids.ts';
import { isSameFile, markOf, readHead } from '../../../web/upload/file-mark.ts';
import { readLink } from '../../../web/upload/link.ts';
import { readRefusal } from '../../../web/upload/refusal.ts';
import { createSpeed } from '../../../web/upload/speed.ts';
import { titleOf } from '../../../web/upload/titles.ts';

describe('the ace_ids of several files', () => {
  it('begin with the link’s own and count up behind it, passing over what is taken', () => {
    expect(nextAceId('lesson-7', new Set())).toBe('lesson-7');
    expect(nextAceId('lesson-7', new Set(['lesson-7', 'lesson-7-2', 'lesson-8']))).toBe('lesson-7-3');
  });

  it.each([
    ['lesson-7', true],
    ['lesson-7-2', true],
    ['lesson-71', false],
    ['lesson-7-extra', false],
    ['lesson-7-', false],
  ])('%s belongs to the link of lesson-7: %s', (aceId, expected) => {
    expect(belongsTo('lesson-7', aceId)).toBe(expected);
  });
});

describe('the link', () => {
  const token = `x.${Buffer.from('{"ace_id":"lesson-7","title":"Größen","max_bytes":5}').toString('base64url')}.y`;
  const nothing = {
    aceId: undefined,
    title: undefined,
    token: undefined,
    maxBytes: undefined,
    language: undefined,
  };

  it.each([
    ['#ace_id=a&title=b', '', { aceId: 'a', title: 'b' }],
    ['', '?ace_id=a&lang=de', { aceId: 'a', language: 'de' }],
    ['#ace_id=a&lang=si', '?ace_id=b', { aceId: 'a', language: 'si' }],
    [`#token=${token}`, '', { aceId: 'lesson-7', title: 'Größen', token, maxBytes: 5 }],
    ['#token=nonsense', '', { token: 'nonsense' }],
    ['#ace_id=%20', '', {}],
  ])('%s with the query %s is read', (hash, search, expected) => {
    expect(readLink({ hash, search })).toEqual({ ...nothing, ...expected });
  });
});

describe('a refusal of the tus server', () => {
  it.each([
    ['a problem document', 507, '{"code":"UPLOAD_NO_SPACE","detail":"It is so."}', 'UPLOAD_NO_SPACE', true],
    [
      'a recording that has arrived',
      409,
      '{"code":"ACE_ID_TAKEN","detail":"It is so."}',
      'ACE_ID_TAKEN',
      false,
    ],
    ['another offset', 409, '{"code":"REQUEST_INVALID","detail":"It is so."}', 'REQUEST_INVALID', true],
    ['a line of text', 413, 'UPLOAD_TOO_LARGE: Too large. Send less.', 'UPLOAD_TOO_LARGE', false],
    ['what a proxy says', 502, '<html>Bad gateway</html>', 'HTTP 502', true],
    ['no answer', 0, '', 'OFFLINE', true],
  ])('is understood: %s', (_name, status, body, code, mayHeal) => {
    expect(readRefusal(status, body)).toMatchObject({ code, mayHeal });
  });

  it('that nobody has put into words is told in the server’s, without what is for operators and programs', () => {
    const body = JSON.stringify({
      code: 'REQUEST_INVALID',
      title: 'The request is malformed.',
      detail: 'The ace_id is longer than 200 characters.',
      advice: 'Set UPLOAD_MAX_BYTES.',
    });

    expect(readRefusal(400, body).message).toBe('The recording id is longer than 200 characters.');
    expect(readRefusal(418, 'tea').message).toEqual({ key: 'refused.HTTP', values: { status: '418' } });
  });

  it.each([
    [415, 'NOT_MEDIA', true],
    [404, 'NOT_FOUND', true],
    [401, 'UPLOAD_TOKEN_EXPIRED', false],
    [507, 'UPLOAD_NO_SPACE', false],
  ])('with %d %s leaves nothing to go on with: %s', (status, code, isFinal) => {
    expect(readRefusal(status, JSON.stringify({ code }))).toMatchObject({ isFinal });
  });
});

describe('the same file', () => {
  const file = (content: string, lastModified: number, name = 'IMG_1.MOV') =>
    new File([content], name, { lastModified });
  const mark = async (chosen: File) => await markOf(chosen, await readHead(chosen));

  it('is one with the name, the size and the beginning of the other, whenever it was changed', async () => {
    expect(isSameFile(await mark(file('aaaa', 1)), await mark(file('aaaa', 2)))).toBe(true);
  });

  it.each([
    ['other content of the same length, as phones make it anew', file('aaab', 1)],
    ['more content', file('aaaab', 1)],
    ['another name', file('aaaa', 1, 'IMG_2.MOV')],
  ])('is not one with %s', async (_name, other) => {
    expect(isSameFile(await mark(file('aaaa', 1)), await mark(other))).toBe(false);
  });

  it('is told by the time of its last change where an earlier version has kept no digest', async () => {
    const { head: _head, ...kept } = await mark(file('aaaa', 1));

    expect(isSameFile(kept, await mark(file('aaaa', 1)))).toBe(true);
    expect(isSameFile(kept, await mark(file('aaaa', 2)))).toBe(false);
  });
});

describe('the title that is proposed', () => {
  it.each([
    ['2026-11-24 Algebra.mp4', 'video/mp4', '2026-11-24 Algebra'],
    ['2026-11-24_Algebra-2.final.MOV', '', '2026-11-24_Algebra-2.final'],
    ['Unit 1.2', '', 'Unit 1.2'],
    ['.mp4', 'video/mp4', '.mp4'],
  ])('of %s (%s) is %s', (name, type, title) => {
    expect(titleOf({ name, type })).toBe(title);
  });
});

describe('the speed', () => {
  it('does not jump where bytes go in bursts', () => {
    const speed = createSpeed();
    const told = Array.from({ length: 40 }, (_, index) =>
      // A MiB every five seconds.
      speed.note(Math.floor(index / 5) * 1_048_576, index * 1000),
    );

    for (const bytesPerS of told.slice(15)) {
      expect(bytesPerS).toBeGreaterThan(140_000);
      expect(bytesPerS).toBeLessThan(300_000);
    }
  });
});
