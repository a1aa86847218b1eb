import type { MediaType } from './media-type.ts';

/*
 * What audio and video begin with, beyond what file-type knows or as deep as it looks: a table of what stands at one
 * place, and below it what has to be followed.
 */

interface Signature {
  readonly at?: number;
  /** Text, or numbers in hex. */
  readonly is: string | { readonly hex: string };
  readonly and?: { readonly at: number; readonly isOneOf: readonly string[] };
  readonly media: MediaType;
}

const media = (mime: string, extension: string): MediaType => ({ mime, extension });

const WAV = media('audio/wav', 'wav');
const MP3 = media('audio/mpeg', 'mp3');
const MPEG = media('video/mpeg', 'mpg');
const MPEG_TS = media('video/mp2t', 'ts');
const MP4 = media('video/mp4', 'mp4');
const QUICKTIME = media('video/quicktime', 'mov');
const RIFF_WAVE = { at: 8, isOneOf: ['WAVE'] };

const SIGNATURES: readonly Signature[] = [
  ...['RIFF', 'RF64', 'BW64', 'RIFX'].map((is) => ({ is, and: RIFF_WAVE, media: WAV })),
  { is: 'RIFF', and: { at: 8, isOneOf: ['AVI ', 'AVIX', 'AVI\x19'] }, media: media('video/vnd.avi', 'avi') },
  { is: 'RIFF', and: { at: 8, isOneOf: ['CDXA'] }, media: MPEG },
  { is: 'RIFF', and: { at: 8, isOneOf: ['RMP3'] }, media: MP3 },
  { is: { hex: '726966662e91cf11a5d628db04c10000' }, media: media('audio/x-w64', 'w64') },
  { is: 'caff', media: media('audio/x-caf', 'caf') },
  { is: 'FORM', and: { at: 8, isOneOf: ['AIFF', 'AIFC'] }, media: media('audio/aiff', 'aif') },
  { is: 'FORM', and: { at: 8, isOneOf: ['8SVX', '16SV'] }, media: media('audio/x-8svx', '8svx') },
  { is: '#!AMR', media: media('audio/amr', 'amr') },
  { is: '.snd', media: media('audio/basic', 'au') },
  { is: 'Creative Voice File\x1a', media: media('audio/x-voc', 'voc') },
  { is: 'fLaC', media: media('audio/flac', 'flac') },
  { is: 'wvpk', media: media('audio/wavpack', 'wv') },
  { is: 'TTA1', media: media('audio/x-tta', 'tta') },
  { is: 'tBaK', media: media('audio/x-tak', 'tak') },
  { is: 'MAC ', media: media('audio/ape', 'ape') },
  { is: 'MPCK', media: media('audio/x-musepack', 'mpc') },
  { is: 'FRM8', and: { at: 12, isOneOf: ['DSD '] }, media: media('audio/x-dff', 'dff') },
  ...['7ffe8001', 'fe7f0180', '1fffe800', 'ff1f00e8'].map((hex) => ({
    is: { hex },
    media: media('audio/vnd.dts', 'dts'),
  })),
  { is: 'FLV', and: { at: 3, isOneOf: ['\x01'] }, media: media('video/x-flv', 'flv') },
  { is: '.RMF', media: media('application/vnd.rn-realmedia', 'rm') },
  { is: '.ra\xfd', media: media('audio/x-pn-realaudio', 'ra') },
  { is: 'DKIF', media: media('video/x-ivf', 'ivf') },
  { is: 'YUV4MPEG2 ', media: media('video/x-yuv4mpeg', 'y4m') },
  { is: 'nut/multimedia container\0', media: media('video/x-nut', 'nut') },
  { is: { hex: 'b7d800203749da11a64e0007e95ead8d' }, media: media('video/x-ms-wtv', 'wtv') },
  { is: { hex: '0000000001bc' }, media: media('application/gxf', 'gxf') },
  // DV in blocks of 80 bytes: the header, in 525 lines and in 625.
  ...['1f07003f', '1f0700bf', '1f07007f', '1f0700ff'].map((hex) => ({
    is: { hex },
    media: media('video/x-dv', 'dv'),
  })),
  ...['000001ba', '000001b3', '000001bb'].map((hex) => ({ is: { hex }, media: MPEG })),
];

/** What the beginning of a file is, if it is audio or video by a signature of its own. */
export function signatureOf(bytes: Buffer): MediaType | undefined {
  const known = SIGNATURES.find((signature) => matches(bytes, signature))?.media;
  return known ?? followed(bytes);
}

function matches(bytes: Buffer, { at = 0, is, and }: Signature): boolean {
  const wanted = typeof is === 'string' ? Buffer.from(is, 'latin1') : Buffer.from(is.hex, 'hex');
  if (!bytes.subarray(at, at + wanted.length).equals(wanted)) return false;
  return and === undefined || and.isOneOf.some((text) => textAt(bytes, and.at, text.length) === text);
}

function followed(bytes: Buffer): MediaType | undefined {
  return (
    asf(bytes) ??
    mxf(bytes) ??
    matroska(bytes) ??
    ogg(bytes) ??
    mp4(bytes) ??
    transportStream(bytes) ??
    elementaryStream(bytes) ??
    framed(bytes)
  );
}

const ASF = Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex');
const ASF_AUDIO = Buffer.from('409e69f84d5bcf11a8fd00805f5c442b', 'hex');
const ASF_VIDEO = Buffer.from('c0ef19bc4d5bcf11a8fd00805f5c442b', 'hex');

/** Its streams are named anywhere in a header of any length. */
function asf(bytes: Buffer): MediaType | undefined {
  if (!bytes.subarray(0, 16).equals(ASF)) return undefined;
  const isSound = bytes.includes(ASF_AUDIO) && !bytes.includes(ASF_VIDEO);
  return isSound ? media('audio/x-ms-asf', 'asf') : media('video/x-ms-asf', 'asf');
}

const MXF_HEADER = Buffer.from('060e2b34020501010d01020101', 'hex');

/** Up to so many bytes may stand before it. */
const MXF_RUN_IN_BYTES = 65_536;

function mxf(bytes: Buffer): MediaType | undefined {
  const at = bytes.subarray(0, MXF_RUN_IN_BYTES + MXF_HEADER.length).indexOf(MXF_HEADER);
  return at === -1 ? undefined : media('application/mxf', 'mxf');
}

const EBML = Buffer.from('1a45dfa3', 'hex');
const DOC_TYPES: readonly (readonly [string, MediaType])[] = [
  ['webm', media('video/webm', 'webm')],
  ['matroska', media('video/matroska', 'mkv')],
];

/** The type of the document stands somewhere in its header, behind padding perhaps. */
function matroska(bytes: Buffer): MediaType | undefined {
  const at = bytes[0] === 0xec ? bytes.indexOf(EBML) : 0;
  if (at === -1 || !bytes.subarray(at, at + 4).equals(EBML)) return undefined;
  return DOC_TYPES.find(([name]) => {
    const element = Buffer.concat([Buffer.from([0x42, 0x82, 0x80 + name.length]), Buffer.from(name)]);
    return bytes.includes(element);
  })?.[1];
}

/** With a skeleton in front the first page does not tell what the others hold. */
function ogg(bytes: Buffer): MediaType | undefined {
  if (textAt(bytes, 0, 4) !== 'OggS') return undefined;
  if (['\x80theora', 'OVP80', 'BBCD\0'].some((text) => bytes.includes(Buffer.from(text, 'latin1')))) {
    return media('video/ogg', 'ogv');
  }
  if (bytes.includes('OpusHead')) return media('audio/ogg; codecs=opus', 'opus');
  return ['\x01vorbis', 'Speex   ', '\x7fFLAC'].some((text) => bytes.includes(Buffer.from(text, 'latin1')))
    ? media('audio/ogg', 'ogg')
    : undefined;
}

/** Boxes that a file may begin with before one that tells what it is; all but the last two say that it is a film. */
const LEADING_BOXES = ['wide', 'pnot', 'skip', 'free', 'uuid', 'sidx', 'prft', 'emsg', 'pdin', 'udta'];
const FILM_BOXES: Readonly<Record<string, MediaType>> = {
  moov: QUICKTIME,
  mdat: QUICKTIME,
  styp: MP4,
  moof: MP4,
};

/** A film whose first box is not the one that names its brand, which file-type goes by. */
function mp4(bytes: Buffer): MediaType | undefined {
  for (let at = 0; at + 16 <= bytes.length; ) {
    const type = textAt(bytes, at + 4, 4);
    const size = bytes.readUInt32BE(at);
    if (type === 'ftyp' && at > 0) return brandOf(bytes, at);
    const film = FILM_BOXES[type];
    if (film !== undefined && (size === 0 || size === 1 || size >= 8)) return film;
    if (!LEADING_BOXES.includes(type)) return undefined;
    const length = size === 1 ? Number(bytes.readBigUInt64BE(at + 8)) : size;
    if (length < 8) return undefined;
    at += length;
  }
  return undefined;
}

function brandOf(bytes: Buffer, at: number): MediaType | undefined {
  const brand = textAt(bytes, at + 8, 4);
  if (/^(hei|hev|mif|msf|avi[fs]|jp2|jpx|crx)/.test(brand)) return undefined;
  if (brand === 'qt  ') return QUICKTIME;
  if (brand.startsWith('M4A')) return media('audio/x-m4a', 'm4a');
  return brand.startsWith('3g') ? media('video/3gpp', '3gp') : MP4;
}

const SYNC = 0x47;

/** How many packets in a row must begin as packets do. */
const MIN_PACKETS = 5;

/** Packets of 188 bytes, with four bytes of time in front, or with a checksum behind; the first may be cut. */
function transportStream(bytes: Buffer): MediaType | undefined {
  for (const packetBytes of [188, 192, 204, 208]) {
    for (let first = 0; first < packetBytes; first += 1) {
      const packets = Math.floor((bytes.length - first - 1) / packetBytes) + 1;
      const wanted = first === 0 || first === 4 ? MIN_PACKETS : 2 * MIN_PACKETS;
      if (packets < wanted || bytes[first] !== SYNC) continue;
      const isStream = Array.from({ length: wanted }, (_, index) => first + index * packetBytes).every(
        // No packet is marked as broken, and its kind of content is one that there is.
        (at) =>
          bytes[at] === SYNC && ((bytes[at + 1] ?? 0) & 0x80) === 0 && ((bytes[at + 3] ?? 0x10) & 0x30) !== 0,
      );
      if (isStream) return packetBytes === 192 ? media('video/mp2t', 'mts') : MPEG_TS;
    }
  }
  return undefined;
}

/** Video without any container: sets of parameters, each behind its start code. */
function elementaryStream(bytes: Buffer): MediaType | undefined {
  if (!/^0000(00)?01/.test(bytes.toString('hex', 0, 4))) return undefined;
  const units = unitTypes(bytes);
  const has = (...types: number[]) => types.every((type) => units.has(type));
  const h264 = new Set([...units].map((type) => type & 0x1f));
  if (has(0x40, 0x42, 0x44)) return media('video/h265', 'hevc');
  if (h264.has(7) && h264.has(8) && (has(0x67, 0x68) || has(0x27, 0x28) || has(0x47, 0x48))) {
    return media('video/h264', 'h264');
  }
  if (has(0xb0, 0xb5) || (has(0xb6) && [...units].some((type) => type >= 0x20 && type <= 0x2f))) {
    return media('video/mp4v-es', 'm4v');
  }
  // Packets of a programme stream whose first pack was cut off.
  const first = bytes[3] ?? 0;
  const next = 6 + (bytes.length > 6 ? bytes.readUInt16BE(4) : 0);
  const isPacket = first === 0xbd || (first >= 0xc0 && first <= 0xef);
  return isPacket && bytes.toString('hex', next, next + 3) === '000001' ? MPEG : undefined;
}

/** What stands behind each start code. */
function unitTypes(bytes: Buffer): Set<number> {
  const types = new Set<number>();
  const code = Buffer.from([0, 0, 1]);
  for (let at = bytes.indexOf(code); at !== -1 && at + 3 < bytes.length; at = bytes.indexOf(code, at + 3)) {
    types.add(bytes[at + 3] ?? 0);
  }
  return types;
}

/** How many frames in a row make a stream of one. */
const MIN_FRAMES = 4;

/** Sound in frames that each say how long they are; something else may stand before the first. */
function framed(bytes: Buffer): MediaType | undefined {
  for (const [lengthAt, type] of [
    [mp3FrameBytes, MP3],
    [adtsFrameBytes, media('audio/aac', 'aac')],
    [ac3FrameBytes, media('audio/vnd.dolby.dd-raw', 'ac3')],
    [latmFrameBytes, media('audio/MP4A-LATM', 'latm')],
  ] as const) {
    for (let start = 0; start < bytes.length; start += 1) {
      let at = start;
      let frames = 0;
      for (
        let length = lengthAt(bytes, at);
        length > 0 && frames < MIN_FRAMES;
        length = lengthAt(bytes, at)
      ) {
        frames += 1;
        at += length;
      }
      if (frames >= MIN_FRAMES) return type;
    }
  }
  return undefined;
}

const MP3_KBIT = {
  1: [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  2: [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  3: [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  4: [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  5: [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;
const MP3_HZ = [44_100, 48_000, 32_000];

/** The length of the MPEG audio frame here, 0 if there is none. */
function mp3FrameBytes(bytes: Buffer, at: number): number {
  if (at + 4 > bytes.length) return 0;
  const header = bytes.readUInt32BE(at);
  if (header >>> 21 !== 0x7ff) return 0;
  const [version, layer] = [(header >>> 19) & 3, 4 - ((header >>> 17) & 3)];
  const [rate, frequency] = [(header >>> 12) & 15, (header >>> 10) & 3];
  if (version === 1 || layer === 4 || rate === 0 || rate === 15 || frequency === 3) return 0;
  const isFirstVersion = version === 3;
  const column = isFirstVersion ? (layer as 1 | 2 | 3) : layer === 1 ? 4 : 5;
  const bits = (MP3_KBIT[column][rate - 1] ?? 0) * 1000;
  const hz = (MP3_HZ[frequency] ?? 1) / (isFirstVersion ? 1 : version === 2 ? 2 : 4);
  const padding = (header >>> 9) & 1;
  if (layer === 1) return (Math.floor((12 * bits) / hz) + padding) * 4;
  const samples = layer === 3 && !isFirstVersion ? 72 : 144;
  return Math.floor((samples * bits) / hz) + padding;
}

function adtsFrameBytes(bytes: Buffer, at: number): number {
  if (at + 7 > bytes.length || bytes[at] !== 0xff || ((bytes[at + 1] ?? 0) & 0xf6) !== 0xf0) return 0;
  if ((((bytes[at + 2] ?? 0) >>> 2) & 15) > 12) return 0;
  const length = ((bytes.readUInt32BE(at + 3) >>> 13) & 0x1fff) | 0;
  return length >= 7 ? length : 0;
}

const AC3_KBIT = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640];

function ac3FrameBytes(bytes: Buffer, at: number): number {
  if (at + 6 > bytes.length || bytes.readUInt16BE(at) !== 0x0b77) return 0;
  const isEnhanced = (bytes[at + 5] ?? 0) >>> 3 > 10;
  if (isEnhanced) return ((bytes.readUInt16BE(at + 2) & 0x7ff) + 1) * 2;
  const [frequency, code] = [(bytes[at + 4] ?? 0) >>> 6, (bytes[at + 4] ?? 0) & 63];
  const kbit = AC3_KBIT[code >>> 1];
  if (frequency === 3 || kbit === undefined) return 0;
  if (frequency === 0) return kbit * 4;
  if (frequency === 2) return kbit * 6;
  return (Math.floor((kbit * 1000 * 1536) / 44_100 / 16) + (code & 1)) * 2;
}

function latmFrameBytes(bytes: Buffer, at: number): number {
  if (at + 3 > bytes.length || bytes.readUInt16BE(at) >>> 5 !== 0x2b7) return 0;
  return (bytes.readUInt16BE(at + 1) & 0x1fff) + 3;
}

function textAt(bytes: Buffer, at: number, length: number): string {
  return bytes.toString('latin1', at, at + length);
}
