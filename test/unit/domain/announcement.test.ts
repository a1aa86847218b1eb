import { describe, expect, it } from 'vitest';
import {
  deletedBody,
  failedBody,
  type Published,
  playableBody,
  publishedBody,
} from '../../../src/domain/announcement.ts';
import { playbackIn } from '../../../src/domain/playback.ts';

const T0_MS = Date.parse('2026-01-05T10:00:00Z');

const IN_BUNNY = { libraryId: '4321', videoId: 'video-guid' };
const IN_FOLDER = { videoId: 'folder/1-2.mp4', playUrl: 'https://videos.example/1/2.mp4' };

const published: Published = {
  recording: {
    id: 'rec_0123456789abcdef01234567',
    seq: 1,
    source: 'manual',
    kind: 'video',
    naturalKey: 'ace:42',
    groupKey: null,
    aceId: '42',
    title: 'Algebra, group 2 "Ω"',
    state: 'moving',
    wanted: null,
    place: 0,
    bytes: 5,
    origin: { kind: 'file', path: '/secret/path.mp4', bytes: 5, modifiedAtMs: 1, keep: false },
    placement: null,
    details: { upload_id: 'u1', filename: 'algebra.mp4', filetype: null },
    failedAttempts: 2,
    openStarts: 1,
    lastError: null,
    notBeforeMs: 0,
    acceptedAtMs: T0_MS,
    startedAtMs: T0_MS + 1000,
    endedAtMs: null,
  },
  facts: {
    fetch: {
      path: '/data/spool/x',
      bytes: 5,
      contentId: '5:x',
      mediaType: 'video/mp4',
      extension: 'mp4',
    },
  },
  archives: [
    {
      bucket: 'ace-academy-recordings',
      fileId: '4_z1',
      fileName: 'manual/2026/01/05/a.mp4',
      sha1: 'aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d',
    },
  ],
  videos: [IN_BUNNY],
  playback: undefined,
  embedUrl: undefined,
  times: {
    fetch: { startedAtMs: T0_MS + 1000, doneAtMs: T0_MS + 3000 },
    archive: { startedAtMs: T0_MS + 3000, doneAtMs: null },
  },
  cdnHost: 'vz-abc.b-cdn.net',
  nowMs: T0_MS + 60_000,
};

describe('publishedBody', () => {
  it('tells the website where both copies are and what the recording is', () => {
    expect(JSON.parse(publishedBody(published))).toEqual({
      type: 'recording.published',
      timestamp: '2026-01-05T10:01:00.000Z',
      data: {
        id: 'rec_0123456789abcdef01234567',
        source: 'manual',
        ace_id: '42',
        title: 'Algebra, group 2 "Ω"',
        bytes: 5,
        sha1: 'aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d',
        media_type: 'video/mp4',
        details: { upload_id: 'u1', filename: 'algebra.mp4', filetype: null },
        b2: {
          bucket: 'ace-academy-recordings',
          file_id: '4_z1',
          file_name: 'manual/2026/01/05/a.mp4',
        },
        bunny: {
          library_id: '4321',
          video_id: 'video-guid',
          embed_url: 'https://player.mediadelivery.net/embed/4321/video-guid',
          play_url: 'https://player.mediadelivery.net/play/4321/video-guid',
          hls_url: 'https://vz-abc.b-cdn.net/video-guid/playlist.m3u8',
        },
        timings: {
          accepted_at: '2026-01-05T10:00:00.000Z',
          started_at: '2026-01-05T10:00:01.000Z',
          published_at: '2026-01-05T10:01:00.000Z',
          failed_attempts: 2,
          fetch_ms: 2000,
          archive_ms: null,
          publish_ms: null,
        },
      },
    });
  });

  it('names each further store that it is archived in, and where in it', () => {
    const other = {
      store: 'folder',
      bucket: '/mnt/archive',
      fileId: 'f1',
      fileName: 'manual/a.mp4',
      sha1: null,
    };
    const body = (archives: typeof published.archives) =>
      JSON.parse(publishedBody({ ...published, archives })).data;

    expect(body([...published.archives, other])).toMatchObject({
      b2: { file_id: '4_z1' },
      sha1: published.archives[0]?.sha1,
      archives: [{ store: 'folder', path: 'manual/a.mp4', file_id: 'f1' }],
    });
    expect(body([other])).toMatchObject({ b2: null, sha1: null, archives: [{ store: 'folder' }] });
    expect(body(published.archives)).not.toHaveProperty('archives');
  });

  it('names no place on this server', () => {
    const other = { store: 'folder', bucket: '/mnt/archive', fileId: 'f1', fileName: 'a.mp4', sha1: null };
    const archives = [...published.archives, other];

    expect(publishedBody({ ...published, archives })).not.toMatch(/secret|spool|mnt/);
  });

  it('has no HLS address where the pull zone is not known', () => {
    const { data } = JSON.parse(publishedBody({ ...published, cdnHost: undefined }));

    expect(data.bunny.hls_url).toBeNull();
  });

  it('says null and not nothing for what a Zoom recording lacks', () => {
    const { data } = JSON.parse(
      publishedBody({ ...published, recording: { ...published.recording, source: 'zoom', aceId: null } }),
    );

    expect(data.ace_id).toBeNull();
  });
});

describe('playableBody', () => {
  it('says under the same id where the video can be watched', () => {
    const { recording, cdnHost, nowMs } = published;
    const before = JSON.parse(publishedBody(published));

    const body = JSON.parse(
      playableBody({ recording, video: IN_BUNNY, playback: undefined, embedUrl: undefined, cdnHost, nowMs }),
    );

    expect(body).toMatchObject({ type: 'recording.playable', timestamp: '2026-01-05T10:01:00.000Z' });
    expect(body.data).toEqual({
      id: before.data.id,
      source: 'manual',
      ace_id: '42',
      title: before.data.title,
      details: before.data.details,
      bunny: before.data.bunny,
    });
  });
});

describe('failedBody', () => {
  it('says what went wrong and what a person can do', () => {
    const error = { code: 'SOURCE_GONE', message: 'There is no file any more' } as const;

    const body = JSON.parse(failedBody({ recording: published.recording, error, nowMs: T0_MS }));

    expect(body.type).toBe('recording.failed');
    expect(body.data).toMatchObject({ id: published.recording.id, ace_id: '42' });
    expect(body.data.error).toEqual({ ...error, advice: expect.stringMatching(/\.$/) });
  });
});

describe('a video elsewhere than in Bunny', () => {
  const view = {
    publisher: 'folder',
    video_id: 'folder/1-2.mp4',
    play_url: 'https://videos.example/1/2.mp4',
  };

  it('is told beside that in Bunny, whose place does not change', () => {
    const alone = JSON.parse(publishedBody(published));
    const { data } = JSON.parse(publishedBody({ ...published, videos: [IN_FOLDER, IN_BUNNY] }));

    expect(alone.data).not.toHaveProperty('videos');
    expect(data).toEqual({ ...alone.data, videos: [view] });
  });

  it('is told in its place where there is none', () => {
    const { recording, cdnHost, nowMs } = published;
    const bodies = [
      publishedBody({ ...published, videos: [IN_FOLDER] }),
      playableBody({ recording, video: IN_FOLDER, playback: undefined, embedUrl: undefined, cdnHost, nowMs }),
      deletedBody({ recording, archives: [], videos: [IN_FOLDER], nowMs }),
    ];
    for (const body of bodies) expect(JSON.parse(body).data).toMatchObject({ bunny: null, videos: [view] });
  });
});

describe('a recording that has a package', () => {
  const to = 'media-out';
  const address = (name: string) => `https://media.example/${name}`;
  const file = (name: string, mediaType: string) => ({ key: name, address: address(name), mediaType });
  const PACKAGE = {
    to,
    prefix: 'runs/rec_1/p/7/',
    durationS: 8,
    keys: { hls: 'p/master.m3u8', dash: 'p/manifest.mpd' },
    playback: { hls: address('p/master.m3u8'), dash: null },
  };
  // By the alphabet, the pictures of the timeline come before the one that stands for all.
  const facts = {
    'a-timeline': { to, outputs: [file('s-1.jpg', 'image/jpeg'), file('s.vtt', 'text/vtt')] },
    'b-picture': { to, outputs: [file('t.jpg', 'image/jpeg')] },
    cut: { to, outputs: [file('cut.mp4', 'video/mp4')] },
    p: PACKAGE,
  };

  it('is told with all that a player takes, null where a browser cannot fetch it; without videos too', () => {
    const { recording, cdnHost, nowMs } = published;
    const playback = playbackIn(facts);
    const embedUrl = 'https://watch.example/watch/rec_1';
    const told = {
      hls: address('p/master.m3u8'),
      dash: null,
      poster: address('t.jpg'),
      sprite: address('s.vtt'),
      embed: embedUrl,
    };

    expect(JSON.parse(publishedBody({ ...published, playback, embedUrl })).data).toMatchObject({
      playback: told,
    });
    expect(
      JSON.parse(playableBody({ recording, video: undefined, playback, embedUrl, cdnHost, nowMs })).data,
    ).toMatchObject({ bunny: null, playback: told });
  });

  it('is one only once the package is there, whatever else is', () => {
    const { p, ...others } = facts;

    expect(playbackIn(others)).toBeUndefined();
    expect(JSON.parse(publishedBody(published)).data).not.toHaveProperty('playback');
    expect(playbackIn({ p })).toMatchObject({ poster: undefined, sprite: undefined });
  });
});
