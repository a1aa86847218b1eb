import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aceKey, localFileKey, recordingId, zoomFileKey } from '../../../src/domain/ids.ts';

const file = {
  id: undefined,
  meetingUuid: '/uuid==',
  startedAt: '2026-01-05T09:00:00Z',
  type: 'gallery_view',
};

describe('recordingId', () => {
  it('is the same for the same key, at any time', () => {
    expect(recordingId('ace:42')).toBe('rec_9ec4708354c55d932b2f1bad');
  });

  it('fits a queue, a file name and an address whatever the key', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        expect(recordingId(key)).toMatch(/^rec_[0-9a-f]{24}$/);
      }),
    );
  });
});

describe('the natural key', () => {
  it('of a Zoom file is its id, whatever else is said of it', () => {
    const named = { ...file, id: 'abc' };

    expect(zoomFileKey(named)).toBe('zoom:abc');
    expect(zoomFileKey({ ...named, meetingUuid: 'other', startedAt: undefined, type: 'x' })).toBe('zoom:abc');
  });

  it.each([
    ['the meeting', { meetingUuid: 'other' }],
    ['the segment', { startedAt: '2026-01-05T09:30:00Z' }],
    ['the view', { type: 'active_speaker' }],
  ])('of a Zoom file without id differs with %s', (_what, change) => {
    expect(zoomFileKey({ ...file, ...change })).not.toBe(zoomFileKey(file));
    expect(zoomFileKey({ ...file })).toBe(zoomFileKey(file));
  });

  it('takes an empty id for none', () => {
    expect(zoomFileKey({ ...file, id: '' })).toBe(zoomFileKey(file));
  });

  it.each([
    ['path', { realPath: '/b.mp4' }],
    ['size', { bytes: 2 }],
    ['modification time', { modifiedAtMs: 2 }],
  ])('of a local file differs with its %s', (_what, change) => {
    const local = { realPath: '/a.mp4', bytes: 1, modifiedAtMs: 1 };

    expect(localFileKey({ ...local, ...change })).not.toBe(localFileKey(local));
  });

  it('never mixes up one door with another', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        expect(aceKey(one)).not.toBe(zoomFileKey({ ...file, id: other }));
        expect(aceKey(one)).not.toBe(localFileKey({ realPath: other, bytes: 1, modifiedAtMs: 1 }));
      }),
    );
  });
});
