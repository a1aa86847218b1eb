import { describe, expect, it } from 'vitest';
import { type MadeOfAsset, madeKey, missingOf, playerIn } from '../../../src/domain/asset-player.ts';

function made(task: string, runId: string, outputs: [string, string][], more: object = {}): MadeOfAsset {
  const fact = {
    to: 'media-out',
    prefix: `runs/${runId}/${task}/1/`,
    outputs: outputs.map(([key, mediaType]) => ({ key, mediaType })),
    ...more,
  };
  return { assetId: 'rec_a', runId, step: task, task, fact, doneAtMs: 1 };
}

const manifest: [string, string] = ['transcoded/a_hls.m3u8', 'application/vnd.apple.mpegurl'];
const hls = (runId: string) => made('package', runId, [manifest], { keys: { hls: manifest[0], dash: null } });
const sprite = made('sprite', 'rec_s', [
  ['runs/rec_s/sprite/1/sprite-001.jpg', 'image/jpeg'],
  ['runs/rec_s/sprite/1/sprite.vtt', 'text/vtt'],
]);

describe('what is shown of an asset', () => {
  it('is the newest of its kind', () => {
    const [newer, older] = ['rec_2', 'rec_1'].map((run) =>
      made('thumbnail', run, [['transcoded/a_thumbnail.jpg', 'image/jpeg']]),
    ) as [MadeOfAsset, MadeOfAsset];
    const { poster, sprite: pictures, waveform } = playerIn([newer, sprite, older]);

    expect(poster).toEqual({ of: newer, name: 'a_thumbnail.jpg' });
    expect(pictures).toEqual({ of: sprite, name: 'sprite.vtt' });
    expect(waveform).toBeUndefined();
  });

  it('is a package for HLS, also where a newer one is for DASH alone', () => {
    const dash = made('package', 'rec_2', [['transcoded/a_dash.mpd', 'application/dash+xml']], {
      keys: { hls: null, dash: 'transcoded/a_dash.mpd' },
    });

    expect(playerIn([dash, hls('rec_1')]).hls).toEqual({ of: hls('rec_1'), name: 'master.m3u8' });
    expect(playerIn([dash]).hls).toBeUndefined();
  });

  it.each([
    [{ video: true, audio: true }, ['thumbnail', 'waveform']],
    [{ video: true, audio: false }, ['thumbnail']],
    [{ video: false, audio: true }, ['waveform']],
    // Nobody has seen what is in it.
    [{ video: false, audio: false }, ['thumbnail', 'waveform']],
  ])('is missing where it can be made, of what has %j', (has, presets) => {
    expect(missingOf(playerIn([sprite]), has)).toEqual(presets);
  });
});

describe('a file that is asked for by its name', () => {
  it('lies where its step says, or beside the manifest of its package', () => {
    expect(madeKey(sprite, 'sprite-001.jpg')).toEqual({
      to: 'media-out',
      key: 'runs/rec_s/sprite/1/sprite-001.jpg',
      mediaType: 'image/jpeg',
    });
    expect(madeKey(hls('rec_1'), '720p_00001.m4s')).toEqual({
      to: 'media-out',
      key: 'runs/rec_1/package/1/720p_00001.m4s',
      mediaType: undefined,
    });
  });

  it.each(['sprite-002.jpg', '../sprite.vtt', 'runs/rec_s/sprite/1/sprite.vtt', '', '..'])(
    'is none where nothing was made by the name %j',
    (name) => {
      expect(madeKey(sprite, name)).toBeUndefined();
    },
  );

  it.each(['..', '../2/720p.m3u8', '.sluice', 'a/b.m4s', 'a\\b.m4s', ''])(
    'is none of a package by the name %j',
    (name) => {
      expect(madeKey(hls('rec_1'), name)).toBeUndefined();
    },
  );

  it('is none of what other tasks have made', () => {
    expect(madeKey(made('transcode', 'rec_t', [['transcoded/a.mp4', 'video/mp4']]), 'a.mp4')).toBeUndefined();
  });
});
