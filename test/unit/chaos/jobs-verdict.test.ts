import { describe, expect, it } from 'vitest';
import { judgeJobs } from '../../../scripts/chaos/jobs-verdict.ts';
import { packageOf, pictureSize } from '../../../scripts/chaos/made-files.ts';
import { idOfJob } from '../../../src/domain/job.ts';

/** As much of a JPEG as says its size. */
function picture(widthPx: number, heightPx: number): Buffer {
  const frame = Buffer.from([0xff, 0xc0, 0, 11, 8, 0, 0, 0, 0, 1, 1, 0x11, 0]);
  frame.writeUInt16BE(heightPx, 5);
  frame.writeUInt16BE(widthPx, 7);
  return Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0]), frame, Buffer.from([0xff, 0xd9])]);
}

const PICTURE = 'jobs/j000-1/picture.jpg';
const job = (trackingId: string, reference: string, more: object = {}) => ({
  id: idOfJob(trackingId),
  naturalKey: `job:${trackingId}`,
  reference,
  state: 'done',
  ...more,
});
const call = (reference: string, trackingId?: string) => ({
  reference,
  handle: trackingId,
  id: trackingId === undefined ? undefined : idOfJob(trackingId),
});

/** What is found of one order by gRPC whose first call was answered with `t1`. */
async function kindsOf(given: {
  recordings?: readonly object[];
  calls?: readonly object[];
  made?: Readonly<Record<string, Buffer>>;
  ends?: number;
  stand?: string;
  uploads?: readonly object[];
  cancelledIds?: readonly string[];
}): Promise<string[]> {
  const { ends = 1, stand = 'FINISHED', made = { [PICTURE]: picture(640, 360) } } = given;
  const { findings } = await judgeJobs({
    recordings: (given.recordings ?? [job('t1', 'j000-1')]) as never,
    ledger: {
      recordings: { events: async () => Array.from({ length: ends }, () => ({ type: 'recording.done' })) },
    } as never,
    jobClients: {
      ordered: [
        {
          order: { door: 'grpc', name: 'j000', hasPackage: false },
          calls: given.calls ?? [call('j000-1', 't1')],
        },
      ] as never,
      standOf: async () => stand,
    },
    media: {
      made: async () => ({ inBucket: new Map(Object.entries(made)), inMediaOut: new Map() }),
      s3: { uploads: () => given.uploads ?? [] } as never,
    },
    performed: { cancelledIds: new Set(given.cancelledIds) },
  });
  return findings.map(({ kind }) => kind);
}

describe('what the chaos run says of jobs', () => {
  it('is content with one that was done once, and whose picture is there', async () => {
    expect(await kindsOf({})).toEqual([]);
  });

  it('finds one that is not there, has failed, was done twice, or is told of otherwise', async () => {
    expect(await kindsOf({ recordings: [], made: {} })).toEqual(['lost']);
    expect(await kindsOf({ recordings: [job('t1', 'j000-1', { state: 'failed' })], made: {} })).toEqual([
      'lost',
    ]);
    expect(await kindsOf({ ends: 2 })).toEqual(['doubled']);
    expect(await kindsOf({ stand: 'OUTPUTS_PROGRESSING' })).toEqual(['wrong']);
  });

  it('finds a picture that is not there, of another size, cut short, and what belongs to nobody', async () => {
    expect(await kindsOf({ made: {} })).toEqual(['lost']);
    expect(await kindsOf({ made: { [PICTURE]: picture(320, 180) } })).toEqual(['wrong']);
    expect(await kindsOf({ made: { [PICTURE]: picture(640, 360).subarray(0, -1) } })).toEqual(['wrong']);
    const more = { [PICTURE]: picture(640, 360), 'jobs/stray': Buffer.from('x') };
    expect(await kindsOf({ made: more })).toEqual(['left']);
    expect(await kindsOf({ uploads: [{ key: 'a', uploadId: 'u', parts: 1 }] })).toEqual(['left']);
  });

  it('takes one more for a call that got no answer, and no other', async () => {
    const made = { [PICTURE]: picture(640, 360), 'jobs/j000-2/picture.jpg': picture(640, 360) };
    const two = [job('t1', 'j000-1'), job('t2', 'j000-2')];
    const calls = [call('j000-1'), call('j000-2', 't2')];

    expect(await kindsOf({ recordings: two, calls, made })).toEqual([]);
    expect(
      await kindsOf({ recordings: [two[1] as object], calls, made: { ...made, [PICTURE]: Buffer.alloc(0) } }),
    ).toEqual(['left']);
    expect(await kindsOf({ recordings: two })).toEqual(['doubled']);
    expect(await kindsOf({ recordings: [job('t1', 'j000-1'), job('t3', 'j000-1')] })).toEqual([
      'doubled',
      'doubled',
    ]);
  });

  it('wants nothing of one that an operator has cancelled', async () => {
    const cancelled = { recordings: [job('t1', 'j000-1', { state: 'cancelled' })] };
    const cancelledIds = [idOfJob('t1')];

    expect(await kindsOf({ ...cancelled, cancelledIds, made: {} })).toEqual([]);
    expect(await kindsOf({ ...cancelled, cancelledIds })).toEqual(['left']);
    expect(await kindsOf({ ...cancelled, made: {} })).toEqual(['lost']);
  });
});

describe('what was made', () => {
  it('is a picture if it is whole, and of its size', () => {
    expect(pictureSize(picture(640, 360))).toEqual({ widthPx: 640, heightPx: 360 });
    expect(pictureSize(Buffer.from('<!doctype html>'))).toBeUndefined();
  });

  it('is a package with all that its manifests name', () => {
    const files = new Map(
      Object.entries({
        'a/film.m3u8':
          '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI="runs/s.m3u8"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nruns/v.m3u8\n',
        'a/runs/v.m3u8': '#EXTM3U\n#EXT-X-MAP:URI="v.mp4"\n#EXTINF:4.0,\nv1.m4s\n#EXTINF:3.5,\nv2.m4s\n',
        'a/runs/s.m3u8': '#EXTM3U\n#EXTINF:7.5,\ns1.m4s\n',
        'a/runs/v.mp4': 'x',
        'a/runs/v1.m4s': 'x',
        'a/runs/s1.m4s': 'x',
      }).map(([key, text]) => [key, Buffer.from(text)] as const),
    );

    const { keys, missing, seconds } = packageOf('a/film.m3u8', files);

    expect(missing).toEqual(['a/runs/v2.m4s']);
    expect(keys).toHaveLength(6);
    expect(seconds).toBe(7.5);
  });
});
