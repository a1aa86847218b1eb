import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, open, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { KnownError, systemCode } from '../../domain/errors.ts';
import { initName, type Segment, segmentName, type Track } from '../../domain/media/manifests.ts';
import { pause, untilAborted } from '../../lib/abort.ts';
import { inParallel } from '../../lib/all-or-none.ts';
import { readFragmentBoxes, readInitSegment, readMediaSegment, type TrackHeader } from '../../lib/fmp4.ts';
import { readTransportSegment, TS_TIMESCALE } from '../../lib/mpeg-ts.ts';
import type { PlannedTrack } from './package-plan.ts';

/** How often it is looked for segments that have appeared, in milliseconds. */
const LOOK_EVERY_MS = 300;

/** Segments that are on their way at the same time. */
const PARALLEL = 4;

/** They get their names once they are whole. */
const SEGMENT = /^(\d+)_(\d{5,})\.(?:m4s|ts)$/;

export interface SegmentSenderOptions {
  /** Where ffmpeg writes them. */
  readonly folder: string;
  /** As ffmpeg numbers them. */
  readonly tracks: readonly PlannedTrack[];
  /** A file of lines that outlives this process: what has been sent, for a later attempt. */
  readonly notesPath: string;
  /** Sends a file of a track under a name. */
  readonly send: (track: PlannedTrack, name: string, path: string, signal: AbortSignal) => Promise<void>;
}

/** What holds for all segments of a track. */
interface Header {
  /** As manifests name it. */
  readonly codecs: string;
  readonly timescale: number;
}

/** The first segment of a track, which stays on the disk. */
export interface Beginning {
  readonly durationS: number;
  readonly kind: 'mp4' | 'ts';
  /** The header, if there is one, and the segment: one behind the other they are a file. */
  readonly paths: readonly string[];
}

/** One stream as it was cut. */
export interface CutTrack {
  readonly planned: PlannedTrack;
  readonly header: Header;
  readonly segments: readonly Segment[];
}

/**
 * Sends segments while they are being cut, and takes them off the disk; knows in the end what they were. Of what comes out the
 * same each time those that an earlier attempt has sent are not sent again, where they are the same to the bit.
 */
export async function createSegmentSender(options: SegmentSenderOptions) {
  const { folder, tracks, notesPath, send } = options;
  const sentBefore = await readNotes(notesPath);
  const headers = new Map<number, Header>();
  const fragmentHeaders = new Map<number, TrackHeader>();
  const segments = tracks.map((): Segment[] => []);
  const seen = new Set<string>();
  /** How long the first segments are that have come, in seconds, by their tracks. */
  const begun = new Map<number, number>();
  let tellBegun = (): void => {};
  const whenBegun = new Promise<void>((resolve) => {
    tellBegun = resolve;
  });

  async function sendOnce(
    track: PlannedTrack,
    name: string,
    { path, signal }: { path: string; signal: AbortSignal },
  ): Promise<void> {
    if (!isRepeatable(track)) return await send(track, name, path, signal);
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path, { signal })) hash.update(chunk as Buffer);
    const digest = hash.digest('base64');
    if (sentBefore.get(name) === digest) return;
    await send(track, name, path, signal);
    await appendFile(notesPath, `${name} ${digest}\n`);
  }

  /** What a segment says of itself. Of CMAF not all of it is held: of a film that is copied it can be tens of megabytes. */
  async function look(track: number, path: string): Promise<Segment> {
    if (tracks[track]?.wrapping === 'ts') {
      const bytes = await readFile(path);
      const { start, end, codecs } = readTransportSegment(bytes);
      if (!headers.has(track)) headers.set(track, { codecs, timescale: TS_TIMESCALE });
      return { start, duration: end - start, bytes: bytes.length };
    }
    // It is whole once there is a segment.
    const header = fragmentHeaders.get(track) ?? readInitSegment(await readFile(initPath(track)));
    fragmentHeaders.set(track, header);
    headers.set(track, header);
    return await lookAtFragments(path, header);
  }

  const initPath = (track: number) => join(folder, `init_${track}.mp4`);
  const hasInit = ({ wrapping }: PlannedTrack) => wrapping === 'fmp4';

  async function take(file: string, signal: AbortSignal): Promise<void> {
    const [, track = 0, number = 0] = (SEGMENT.exec(file) ?? []).map(Number);
    const planned = tracks[track];
    if (planned === undefined) throw new Error(`there is no track for ${file}`);
    const path = join(folder, file);
    const segment = await look(track, path);
    if (number === 1) begin(track, segment);
    await sendOnce(planned, segmentName(planned, number), { path, signal });
    const own = segments[track];
    if (own !== undefined) own[number - 1] = segment;
    // The first one stays, to try whether it plays, and so does its header.
    if (number > 1) await unlink(path);
    else if (hasInit(planned)) await sendOnce(planned, initName(planned), { path: initPath(track), signal });
  }

  function begin(track: number, { duration }: Segment): void {
    begun.set(track, duration / (headers.get(track)?.timescale ?? 1));
    if (begun.size === tracks.length) tellBegun();
  }

  async function takeAll(signal: AbortSignal): Promise<void> {
    const files = (await readdir(folder)).filter((name) => SEGMENT.test(name) && !seen.has(name)).sort();
    await inParallel({ limit: PARALLEL, count: files.length, signal }, async (index, either) => {
      const file = files[index] ?? '';
      seen.add(file);
      await take(file, either);
    });
  }

  return {
    /** Sends what appears until the cutting is over, and then the rest. */
    async sendAll(whenCut: Promise<void>, signal: AbortSignal): Promise<void> {
      let isCut = false;
      const cut = whenCut.then(() => {
        isCut = true;
      });
      for (let wasCut = false; !wasCut; ) {
        wasCut = isCut;
        await takeAll(signal);
        if (!wasCut) await Promise.race([pause(LOOK_EVERY_MS, signal), cut]);
      }
      const missing = tracks.find((_, track) => !begun.has(track));
      if (missing !== undefined) {
        throw new KnownError(`Nothing came out as ${missing.id}`, { code: 'OUTPUT_TOO_SHORT' });
      }
    },

    /** The beginnings of all tracks, once they are there. */
    async beginnings(signal: AbortSignal): Promise<readonly Beginning[]> {
      await untilAborted(whenBegun, signal);
      return tracks.map(({ wrapping }, track) => ({
        durationS: begun.get(track) ?? 0,
        kind: wrapping === 'ts' ? 'ts' : 'mp4',
        paths:
          wrapping === 'ts'
            ? [join(folder, `${track}_00001.ts`)]
            : [initPath(track), join(folder, `${track}_00001.m4s`)],
      }));
    },

    /** What was cut, once all was sent. */
    cut: (): CutTrack[] =>
      tracks.map((planned, track) => {
        const header = headers.get(track);
        if (header === undefined) throw new Error(`no segment of ${planned.id}`);
        const own = segments[track] ?? [];
        return { planned, header, segments: hasInit(planned) ? own : withoutOverlap(own) };
      }),
  };
}

/** The sound of a segment may go on while the pictures of the next one have begun: it ends where that begins. */
function withoutOverlap(segments: readonly Segment[]): Segment[] {
  return segments.map((segment, at) => {
    const next = segments[at + 1];
    return next === undefined ? segment : { ...segment, duration: next.start - segment.start };
  });
}

/**
 * Whether it comes out the same to the bit each time. What is copied does, and sound; of films the encoders' threads decide in
 * their own time what the ceiling leaves to each.
 */
export function isRepeatable({ kind, isCopied }: PlannedTrack): boolean {
  return isCopied || kind === 'audio';
}

/** A track as manifests tell of it. */
export function trackOf(
  { planned, header, segments }: CutTrack,
  more: { folder: string; sound: { channels: number; sampleRateHz: number } },
): Track {
  const { id, kind, wrapping, rung, rate } = planned;
  const { codecs, timescale } = header;
  const { folder, sound } = more;
  if (kind === 'audio') return { id, kind, wrapping, folder, codecs, timescale, segments, ...sound };
  return {
    id,
    kind,
    wrapping,
    folder,
    codecs,
    timescale,
    segments,
    ...(rung === undefined ? {} : { widthPx: rung.widthPx, heightPx: rung.heightPx }),
    ...(rate === undefined ? {} : { rate }),
  };
}

async function lookAtFragments(path: string, header: TrackHeader): Promise<Segment> {
  const handle = await open(path, 'r');
  try {
    const { size: bytes } = await handle.stat();
    return { ...readMediaSegment(await readFragmentBoxes(handle, bytes), header), bytes };
  } finally {
    await handle.close();
  }
}

async function readNotes(path: string): Promise<Map<string, string>> {
  const text = await readFile(path, 'utf8').catch((error) => {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n').map((line) => line.split(' '));
  return new Map(lines.flatMap(([name, digest]) => (name && digest ? [[name, digest] as const] : [])));
}
