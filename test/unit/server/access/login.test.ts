import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ownPath } from '../../../../src/server/access/login.ts';
import { loginPage } from '../../../../src/server/access/login-page.ts';

describe('the way on after a login', () => {
  it.each(['/', '/api/status', '/recordings?state=failed&q=a%20b'])('may be %s', (path) => {
    expect(ownPath(path)).toBe(path);
  });

  it.each([
    '//evil.example.com',
    '/\\evil.example.com',
    '/\t/evil.example.com',
    '/..//evil.example.com',
    'https://evil.example.com/',
    'javascript:alert(1)',
    '',
    undefined,
    null,
    ['/a'],
  ])('is the first page, instead of %j', (wanted) => {
    expect(ownPath(wanted)).toBe('/');
  });

  it('never leads away, whatever is asked for', () => {
    const parts = fc.constantFrom('/', '\\', '..', '.', '@', ':', '\t', '\n', '?', '#', 'evil.com', 'http:');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(parts).map((all) => `/${all.join('')}`),
        ),
        (wanted) => {
          const path = ownPath(wanted);

          expect(new URL(path, 'https://sluice.example/x').origin).toBe('https://sluice.example');
          expect(path).toMatch(/^\/[\x21-\x7e]*$/);
        },
      ),
    );
  });
});

describe('the login page', () => {
  it('shows texts of any kind as texts', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const page = loginPage({ next: `/"><script>${text}`, problem: `<b>'${text}` });

        expect(page).not.toContain('<script');
        expect(page).not.toContain('<b>');
        expect(page.split('"').length).toBe(loginPage({ next: '/', problem: 'x' }).split('"').length);
      }),
    );
  });
});
