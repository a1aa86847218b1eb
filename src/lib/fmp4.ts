/*
 * What is read of fragmented MP4 (ISO/IEC 14496-12), the form in which browsers are given films in pieces: the codec of an
 * initialization segment by its RFC 6381 name, and the times of a media segment.
 */

import type { FileHandle } from 'node:fs/promises';

/** What an initialization segment of one track says. */
export interface TrackHeader {
  /** As manifests name it: `avc1.64001f`, `mp4a.40.2`. */
  readonly codecs: string;
  /** Units of time per second in this track. */
  readonly timescale: number;
  readonly defaultDuration: number;
}

/** When a media segment is decoded, in units of its track. */
export interface SegmentTimes {
  readonly start: number;
  readonly duration: number;
}

interface Box {
  readonly type: string;
  readonly body: Buffer;
}

/** @throws Error if it is none */
export function readInitSegment(bytes: Buffer): TrackHeader {
  const moov = need(bytes, 'moov');
  const mdia = need(need(moov, 'trak'), 'mdia');
  const mdhd = need(mdia, 'mdhd');
  const stsd = need(need(need(mdia, 'minf'), 'stbl'), 'stsd');
  const trex = find(find(moov, 'mvex') ?? Buffer.alloc(0), 'trex');
  const [entry] = boxes(stsd.subarray(8));
  if (entry === undefined) throw new Error('no sample entry');
  return {
    codecs: codecOf(entry),
    timescale: mdhd.readUInt32BE(mdhd[0] === 1 ? 20 : 12),
    defaultDuration: trex === undefined ? 0 : trex.readUInt32BE(12),
  };
}

/** So much is read at once: all that says when a usual segment is decoded. */
const READ_AHEAD_BYTES = 16_384;

/**
 * The boxes of a media segment that say when it is decoded, without its pictures and sound, of which there can be very much:
 * good for {@link readMediaSegment}.
 *
 * @throws Error if it is none
 */
export async function readFragmentBoxes(handle: FileHandle, bytes: number): Promise<Buffer> {
  let ahead = { at: 0, buffer: Buffer.alloc(0) };
  const read = async (at: number, length: number) => {
    if (at < ahead.at || at + length > ahead.at + ahead.buffer.length) {
      const buffer = Buffer.alloc(Math.min(Math.max(length, READ_AHEAD_BYTES), bytes - at));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
      ahead = { at, buffer: buffer.subarray(0, bytesRead) };
    }
    return ahead.buffer.subarray(at - ahead.at, at - ahead.at + length);
  };
  const found: Buffer[] = [];
  for (let at = 0; at < bytes; ) {
    const head = await read(at, 16);
    if (head.length < 8) throw new Error('half a box');
    const short = head.readUInt32BE(0);
    const size = short === 1 && head.length === 16 ? Number(head.readBigUInt64BE(8)) : short || bytes - at;
    if (size < 8) throw new Error('a box without a size');
    if (head.toString('latin1', 4, 8) === 'moof') found.push(await read(at, size));
    at += size;
  }
  return Buffer.concat(found);
}

/** @throws Error if it is none */
export function readMediaSegment(bytes: Buffer, { defaultDuration }: TrackHeader): SegmentTimes {
  let start: number | undefined;
  let duration = 0;
  for (const { type, body } of boxes(bytes)) {
    if (type !== 'moof') continue;
    const traf = need(body, 'traf');
    const tfdt = need(traf, 'tfdt');
    start ??= tfdt[0] === 1 ? Number(tfdt.readBigUInt64BE(4)) : tfdt.readUInt32BE(4);
    const each = fragmentDefault(need(traf, 'tfhd')) ?? defaultDuration;
    for (const box of boxes(traf)) if (box.type === 'trun') duration += runDuration(box.body, each);
  }
  if (start === undefined) throw new Error('no fragment');
  return { start, duration };
}

/** The duration of samples that say none, where the fragment has one of its own. */
function fragmentDefault(tfhd: Buffer): number | undefined {
  const flags = tfhd.readUInt32BE(0) & 0xffffff;
  if ((flags & 0x8) === 0) return undefined;
  return tfhd.readUInt32BE(8 + ((flags & 0x1) === 0 ? 0 : 8) + ((flags & 0x2) === 0 ? 0 : 4));
}

function runDuration(trun: Buffer, each: number): number {
  const flags = trun.readUInt32BE(0) & 0xffffff;
  const count = trun.readUInt32BE(4);
  if ((flags & 0x100) === 0) return count * each;
  const fieldBytes = [0x100, 0x200, 0x400, 0x800].filter((flag) => (flags & flag) !== 0).length * 4;
  let at = 8 + ((flags & 0x1) === 0 ? 0 : 4) + ((flags & 0x4) === 0 ? 0 : 4);
  let sum = 0;
  for (let sample = 0; sample < count; sample += 1, at += fieldBytes) sum += trun.readUInt32BE(at);
  return sum;
}

/** Where boxes of a sample entry begin, behind its own fields. */
const ENTRY_FIELDS = { video: 78, audio: 28 };

function codecOf({ type, body }: Box): string {
  const video = body.subarray(ENTRY_FIELDS.video);
  if (type === 'avc1' || type === 'avc3') return `${type}.${need(video, 'avcC').toString('hex', 1, 4)}`;
  if (type === 'hvc1' || type === 'hev1') return `${type}.${hevcProfile(need(video, 'hvcC'))}`;
  if (type === 'vp09') return `vp09.${vp9Profile(need(video, 'vpcC'))}`;
  if (type === 'mp4a') return `mp4a.${audioObject(need(body.subarray(ENTRY_FIELDS.audio), 'esds'))}`;
  if (type === 'Opus') return 'opus';
  throw new Error(`no name for the codec ${type}`);
}

/** ISO/IEC 14496-15, annex E: profile, compatibility with its bits turned round, tier and level, constraints. */
function hevcProfile(hvcC: Buffer): string {
  const space = ['', 'A', 'B', 'C'][(hvcC[1] ?? 0) >> 6] ?? '';
  const tier = ((hvcC[1] ?? 0) & 0x20) === 0 ? 'L' : 'H';
  let compatible = 0;
  for (let bit = 0; bit < 32; bit += 1) {
    if ((hvcC.readUInt32BE(2) >>> bit) & 1) compatible += 2 ** (31 - bit);
  }
  const constraints = [...hvcC.subarray(6, 12)];
  while (constraints.at(-1) === 0) constraints.pop();
  const parts = [`${space}${(hvcC[1] ?? 0) & 0x1f}`, compatible.toString(16), `${tier}${hvcC[12]}`];
  return [...parts, ...constraints.map((each) => each.toString(16).toUpperCase())].join('.');
}

/** VP Codec ISO Media File Format Binding: profile, level, bits. */
function vp9Profile(vpcC: Buffer): string {
  const two = (value: number) => String(value).padStart(2, '0');
  return [two(vpcC[4] ?? 0), two(vpcC[5] ?? 0), two((vpcC[6] ?? 0) >> 4)].join('.');
}

/** ISO/IEC 14496-1: descriptors in each other; what is wanted is in the decoder's, and in what is specific to it. */
function audioObject(esds: Buffer): string {
  let at = 4;
  const descriptor = (): number => {
    const tag = esds[at] ?? 0;
    at += 1;
    while (((esds[at] ?? 0) & 0x80) !== 0) at += 1;
    at += 1;
    return tag;
  };
  if (descriptor() !== 3) throw new Error('no descriptor of a stream');
  const flags = esds[at + 2] ?? 0;
  at += 3 + ((flags & 0x80) === 0 ? 0 : 2) + ((flags & 0x20) === 0 ? 0 : 2);
  if (descriptor() !== 4) throw new Error('no descriptor of a decoder');
  const kind = esds[at] ?? 0;
  if (kind !== 0x40) return kind.toString(16);
  at += 13;
  if (descriptor() !== 5) throw new Error('nothing that is specific to the decoder');
  const object = (esds[at] ?? 0) >> 3;
  return `40.${object === 31 ? 32 + ((((esds[at] ?? 0) & 7) << 3) | ((esds[at + 1] ?? 0) >> 5)) : object}`;
}

function need(bytes: Buffer, type: string): Buffer {
  const found = find(bytes, type);
  if (found === undefined) throw new Error(`no box ${type}`);
  return found;
}

function find(bytes: Buffer, type: string): Buffer | undefined {
  for (const box of boxes(bytes)) if (box.type === type) return box.body;
  return undefined;
}

function* boxes(bytes: Buffer): Generator<Box> {
  for (let at = 0; at + 8 <= bytes.length; ) {
    const short = bytes.readUInt32BE(at);
    const headerBytes = short === 1 ? 16 : 8;
    if (at + headerBytes > bytes.length) return;
    const size =
      short === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : short === 0 ? bytes.length - at : short;
    if (size < headerBytes) return;
    yield {
      type: bytes.toString('latin1', at + 4, at + 8),
      body: bytes.subarray(at + headerBytes, at + size),
    };
    at += size;
  }
}
