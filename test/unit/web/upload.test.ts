import { describe, expect, it } from 'vitest';
import { belongsTo, nextAceId } from '../../../web/upload/ace-ids.ts';
import { readLink } from '../../../web/upload/link.ts';
import { readRefusal } from '../../../web/upload/refusal.ts';

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
  const token = `x.${Buffer.from('{"ace_id":"lesson-7","title":"Größen"}').toString('base64url')}.y`;

  it.each([
    ['#ace_id=a&title=b', '', { aceId: 'a', title: 'b', token: undefined }],
    ['', '?ace_id=a', { aceId: 'a', title: undefined, token: undefined }],
    ['#ace_id=a', '?ace_id=b', { aceId: 'a', title: undefined, token: undefined }],
    [`#token=${token}`, '', { aceId: 'lesson-7', title: 'Größen', token }],
    ['#token=nonsense', '', { aceId: undefined, title: undefined, token: 'nonsense' }],
    ['#ace_id=%20', '', { aceId: undefined, title: undefined, token: undefined }],
  ])('%s with the query %s is read', (hash, search, expected) => {
    expect(readLink({ hash, search })).toEqual(expected);
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
    expect(readRefusal(status, body)).toMatchObject({ code, mayHeal, words: expect.stringMatching(/\.$/) });
  });
});
