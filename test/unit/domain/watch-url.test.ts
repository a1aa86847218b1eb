import { describe, expect, it } from 'vitest';
import { fillWatchUrl, isWatchUrl } from '../../../src/domain/watch-url.ts';

describe('the address at which recordings are watched', () => {
  it.each([
    'https://academy.example/watch/{ace_id}',
    'http://academy.example/watch?id={ace_id}&rec={id}',
    'https://player.mediadelivery.net/play/{library_id}/{video_id}',
    'https://academy.example/my-recordings',
  ])('may be %s', (template) => {
    expect(isWatchUrl(template)).toBe(true);
  });

  it.each([
    'javascript:alert({ace_id})',
    'academy.example/{ace_id}',
    'https://{ace_id}/watch',
    'https://academy.example/{token}',
    'https://academy.example/{}',
  ])('may not be %s', (template) => {
    expect(isWatchUrl(template)).toBe(false);
  });

  it('is filled so that an id changes nothing but its own part', () => {
    const values = { ace_id: '../x?y=1#z', id: 'rec_1', library_id: '4', video_id: 'v' };

    expect(fillWatchUrl('https://academy.example/watch/{ace_id}/{video_id}', values)).toBe(
      'https://academy.example/watch/..%2Fx%3Fy%3D1%23z/v',
    );
  });
});
