/** As many first bytes as the server's first look takes. */
const LOOKED_AT_BYTES = 4100;

/** What surely is neither audio nor video, by what it begins with. */
const OTHER: readonly (string | readonly number[])[] = [
  '%PDF-',
  '{\\rtf',
  'GIF87a',
  'GIF89a',
  'MZ',
  [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  [0xff, 0xd8, 0xff],
  [0x7f, 0x45, 0x4c, 0x46],
  // Word, Excel and PowerPoint of old.
  [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1],
  [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c],
];

/** What is audio or video by what it begins with, where most recordings are found; `at` is where that stands. */
const MEDIA: readonly (readonly [at: number, text: string])[] = [
  [4, 'ftyp'],
  [4, 'moov'],
  [4, 'mdat'],
  [4, 'wide'],
  [0, '\x1a\x45\xdf\xa3'],
  [0, 'RIFF'],
  [0, 'OggS'],
  [0, 'ID3'],
  [0, 'fLaC'],
  [0, 'FLV'],
  [0, 'FORM'],
  [0, 'caff'],
  [0, '#!AMR'],
  [0, '\x30\x26\xb2\x75'],
  [0, '\x00\x00\x01\xba'],
  [0, '\x00\x00\x01\xb3'],
];

/**
 * A first look at a file's beginning, before anything is sent: `media`; `other`, which the server would refuse at once
 * (`src/lib/media-type.ts`); or `unknown`, which is for the server to say. It calls nothing `other` that the server takes.
 */
export function lookAtHead(head: Uint8Array): 'media' | 'other' | 'unknown' {
  const bytes = head.subarray(0, LOOKED_AT_BYTES);
  if (MEDIA.some(([at, text]) => beginsWith(bytes.subarray(at), text)) || isFramed(bytes)) {
    return isPicture(bytes) ? 'other' : 'media';
  }
  if (OTHER.some((beginning) => beginsWith(bytes, beginning)) || isPackedDocument(bytes)) return 'other';
  return isPlainText(bytes) ? 'other' : 'unknown';
}

function beginsWith(bytes: Uint8Array, beginning: string | readonly number[]): boolean {
  const wanted =
    typeof beginning === 'string' ? Array.from(beginning, (letter) => letter.charCodeAt(0)) : beginning;
  return bytes.length >= wanted.length && wanted.every((byte, index) => bytes[index] === byte);
}

/** A photo of a phone is in the same boxes as its videos. */
function isPicture(bytes: Uint8Array): boolean {
  return ['heic', 'heix', 'mif1', 'avif'].some((brand) => beginsWith(bytes.subarray(4), `ftyp${brand}`));
}

/** Packets of 188 or 192 bytes (camcorders), and frames of sound without anything in front. */
function isFramed(bytes: Uint8Array): boolean {
  const isStream = [188, 192].some((packet) =>
    [0, 1, 2, 3, 4].every((index) => bytes[(packet === 192 ? 4 : 0) + index * packet] === 0x47),
  );
  return isStream || (bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xf6) >= 0xf0);
}

/** A ZIP whose first entry is packed, as in the documents of today. One that only holds files together may hold sound. */
function isPackedDocument(bytes: Uint8Array): boolean {
  return beginsWith(bytes, 'PK\x03\x04') && bytes[8] === 8 && bytes[9] === 0;
}

/** UTF-8 without control characters but those of text. */
function isPlainText(bytes: Uint8Array): boolean {
  if (bytes.length === 0) return false;
  const isControl = (byte: number) =>
    byte === 0x7f || (byte < 0x20 && ![8, 9, 10, 11, 12, 13, 27].includes(byte));
  if (bytes.some(isControl)) return false;
  // Some kinds of sound and film begin with a name in letters.
  if (
    /^(MAC |wvpk|TTA1|tBaK|MPCK|FRM8|\.snd|\.RMF|DKIF|YUV4MPEG2 |RF64|BW64|RIFX|nut\/)/.test(latin(bytes))
  ) {
    return false;
  }
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    // The last character may be cut.
    decoder.decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function latin(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 32));
}
