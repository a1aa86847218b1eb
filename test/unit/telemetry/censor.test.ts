import { expect, it } from 'vitest';
import { censor } from '../../../src/telemetry/censor.ts';

it('blanks secrets wherever they stand, and leaves what it was given as it was', () => {
  const line = { a: 1, token: 't', request: { headers: { authorization: 'Bearer x', host: 'h' } } };

  expect(censor(line)).toEqual({
    a: 1,
    token: '[secret]',
    request: { headers: { authorization: '[secret]', host: 'h' } },
  });
  expect(line.request.headers.authorization).toBe('Bearer x');
});

it('blanks them in lists, and whatever they are', () => {
  expect(censor({ accounts: [{ id: 1 }, { id: 2, clientSecret: { deep: 's' } }] })).toEqual({
    accounts: [{ id: 1 }, { id: 2, clientSecret: '[secret]' }],
  });
});

it('gives back the very same where there is no secret', () => {
  const line = { a: { b: [1, 2, { c: null }] }, at: new Date(0), error: new Error('x') };

  expect(censor(line)).toBe(line);
});

it('comes to an end in what goes round in a circle, and lets nothing out there either', () => {
  const one: Record<string, unknown> = { password: 'p' };
  const two = { one, list: [one, one] };
  one['two'] = two;

  expect(JSON.stringify(censor({ one, two }))).not.toContain('"p"');
});
