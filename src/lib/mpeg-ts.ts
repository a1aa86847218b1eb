/*
 * What is read of MPEG transport streams (ISO/IEC 13818-1) that ffmpeg has cut into segments: when their pictures and their
 * sound begin and end, and what both are by their RFC 6381 names.
 */

/** Times of such streams are counted so many times a second. */
export const TS_TIMESCALE = 90_000;

/** One segment, its times in units of 90 kHz. */
export interface TransportSegment {
  /** Of its pictures, or of sound without any. */
  readonly start: number;
  /** Of what lasts longest in it. */
  readonly end: number;
  readonly codecs: string;
}

const PACKET_BYTES = 188;
const SYNC = 0x47;

/** What streams are, by the program map. */
const H264 = 0x1b;
const AAC = 0x0f;

interface Stream {
  readonly kind: number;
  /** One for each frame. */
  readonly times: number[];
  /** What its first frame begins with. */
  beginning: Buffer;
}

/** More of the first frame is not looked at, in bytes: what says what it is stands in front. */
const BEGINNING_BYTES = 4096;

/**
 * Reads a segment in which each frame has a packet of its own.
 *
 * @throws Error if it is none
 */
export function readTransportSegment(bytes: Buffer): TransportSegment {
  const streams = streamsOf(bytes);
  const [film] = streams.filter(({ kind }) => kind === H264);
  const [sound] = streams.filter(({ kind }) => kind === AAC);
  const first = film ?? sound;
  if (first === undefined || first.times.length === 0) throw new Error('neither pictures nor sound');
  return {
    start: Math.min(...first.times),
    end: Math.max(...[film, sound].flatMap((stream) => (stream === undefined ? [] : [endOf(stream)]))),
    codecs: [
      ...(film === undefined ? [] : [h264Name(film.beginning)]),
      ...(sound === undefined ? [] : [aacName(sound.beginning)]),
    ].join(','),
  };
}

function streamsOf(bytes: Buffer): Stream[] {
  const streams = new Map<number, Stream>();
  let mapPid: number | undefined;
  for (let at = 0; at + PACKET_BYTES <= bytes.length; at += PACKET_BYTES) {
    const packet = bytes.subarray(at, at + PACKET_BYTES);
    if (packet[0] !== SYNC) throw new Error(`no packet at ${at}`);
    const pid = packet.readUInt16BE(1) & 0x1fff;
    const begins = ((packet[1] ?? 0) & 0x40) !== 0;
    const payload = payloadOf(packet);
    const stream = streams.get(pid);
    if (pid === 0 && begins) mapPid = programMapPid(payload);
    else if (pid === mapPid && begins) {
      for (const [own, kind] of mapped(payload)) {
        if (!streams.has(own)) streams.set(own, { kind, times: [], beginning: Buffer.alloc(0) });
      }
    } else if (stream !== undefined) takePayload(stream, payload, begins);
  }
  return [...streams.values()].filter(({ times }) => times.length > 0);
}

function payloadOf(packet: Buffer): Buffer {
  const control = ((packet[3] ?? 0) >> 4) & 3;
  if ((control & 1) === 0) return Buffer.alloc(0);
  return packet.subarray((control & 2) === 0 ? 4 : 5 + (packet[4] ?? 0));
}

/** Of the program association: where the map of the first program is. */
function programMapPid(payload: Buffer): number | undefined {
  const table = payload.subarray(1 + (payload[0] ?? 0));
  return table.length < 12 ? undefined : table.readUInt16BE(10) & 0x1fff;
}

function mapped(payload: Buffer): [pid: number, kind: number][] {
  const table = payload.subarray(1 + (payload[0] ?? 0));
  const end = 3 + (table.readUInt16BE(1) & 0xfff) - 4;
  const found: [number, number][] = [];
  for (let at = 12 + (table.readUInt16BE(10) & 0xfff); at + 5 <= end; ) {
    found.push([table.readUInt16BE(at + 1) & 0x1fff, table[at] ?? 0]);
    at += 5 + (table.readUInt16BE(at + 3) & 0xfff);
  }
  return found;
}

function takePayload(stream: Stream, payload: Buffer, begins: boolean): void {
  let content = payload;
  if (begins) {
    const time = presentationTime(payload);
    if (time === undefined) return;
    stream.times.push(time);
    content = payload.subarray(9 + (payload[8] ?? 0));
  }
  if (stream.times.length === 1 && stream.beginning.length < BEGINNING_BYTES) {
    stream.beginning = Buffer.concat([stream.beginning, content]);
  }
}

/** Of a packetized elementary stream, where it has one. */
function presentationTime(payload: Buffer): number | undefined {
  if (payload.length < 14 || payload.readUIntBE(0, 3) !== 1 || ((payload[7] ?? 0) & 0x80) === 0)
    return undefined;
  const high = ((payload[9] ?? 0) >> 1) & 7;
  return high * 2 ** 30 + (payload.readUInt16BE(10) >> 1) * 2 ** 15 + (payload.readUInt16BE(12) >> 1);
}

/** The last frame lasts as long as most of the others. */
function endOf({ times }: Stream): number {
  const inOrder = [...times].sort((one, other) => one - other);
  const last = inOrder.at(-1) ?? 0;
  const distances = inOrder.slice(1).map((time, at) => time - (inOrder[at] ?? 0));
  const usual = distances.sort((one, other) => one - other)[Math.floor(distances.length / 2)] ?? 0;
  return last + usual;
}

/** From its sequence parameter set. */
function h264Name(beginning: Buffer): string {
  const at = [0x67, 0x47, 0x27]
    .map((unit) => beginning.indexOf(Buffer.from([0, 0, 1, unit])))
    .find((found) => found >= 0);
  if (at === undefined) throw new Error('pictures that do not say what they are');
  return `avc1.${beginning.toString('hex', at + 4, at + 7)}`;
}

/** From the header of a frame (ADTS). */
function aacName(beginning: Buffer): string {
  return `mp4a.40.${((beginning[2] ?? 0) >> 6) + 1}`;
}
