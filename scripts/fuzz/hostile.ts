import fc from 'fast-check';

const PIECES = [
  ...[
    '../',
    '/',
    '\\',
    '..',
    '.',
    '\r\n',
    '\n',
    '\0',
    "'",
    '"',
    '`',
    ';',
    '|',
    '&',
    '<script>',
    '{{',
    '${',
    '*',
    '?',
  ],
  ...[
    '%2e%2e%2f',
    '%00',
    '%',
    '\u202e',
    '\u200b',
    '\ufeff',
    '\u2028',
    '😀',
    'ﷺ',
    'e\u0301',
    '\ud800',
    '\udfff',
  ],
  ...[
    '__proto__',
    'constructor',
    'toString',
    '-rf',
    '.mp4',
    'file:///etc/passwd',
    '/etc/passwd',
    '/dev/zero',
  ],
  ...["' or 1=1 --", '; drop table recordings', 'null', 'NaN', '-1', '1e999', '0x10', 'true', '\u0000'],
] as const;

/** Texts that somebody may hope to do something with: break a line, a header, a page, a path or a statement. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.string({
    unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    maxLength: 60,
  }),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((parts) => parts.join('')),
  fc
    .tuple(fc.constantFrom(...PIECES, 'a', ' '), fc.integer({ min: 0, max: 3000 }))
    .map(([text, times]) => text.repeat(times)),
);

const hostileNumber = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -0, -1, 2 ** 31, 2 ** 53, 2 ** 53 + 2, 1e21, 1e300, Number.MIN_VALUE),
);

/** Anything that JSON can say, keys that mean something to JavaScript among it. */
export const hostileJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, false),
    // What cannot be compared, printed or counted.
    fc.constant({ length: { toString: null } }),
    hostileNumber,
    hostileText,
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(
      fc.oneof(fc.constantFrom('__proto__', 'constructor', 'toJSON', 'length', 'then'), hostileText),
      tie('value'),
      { maxKeys: 5 },
    ),
  ),
})).value;

/** An object with these properties, of which each may be missing or something else altogether. */
export function broken(
  model: Readonly<Record<string, fc.Arbitrary<unknown>>>,
): fc.Arbitrary<Record<string, unknown>> {
  const parts = Object.entries(model).map(([name, arbitrary]) =>
    fc
      .oneof(
        { weight: 8, arbitrary },
        { weight: 1, arbitrary: hostileJson },
        { weight: 1, arbitrary: fc.constant(undefined) },
      )
      .map((value) => [name, value] as const),
  );
  return fc
    .tuple(...parts)
    .map((entries) => Object.fromEntries(entries.filter(([, value]) => value !== undefined)));
}

/** Bytes that are JSON, nearly JSON, or nothing of the kind. */
export const hostileBody: fc.Arbitrary<Buffer> = fc.oneof(
  hostileJson.map((value) => Buffer.from(JSON.stringify(value))),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc
    .tuple(hostileJson, fc.nat(), fc.integer({ min: 0, max: 255 }))
    .map(([value, at, byte]) => flipped(Buffer.from(JSON.stringify(value)), at, byte)),
  fc
    .constantFrom('', '{', '[]', '"', 'null', '\ufeff{}', '{"a":1}{"b":2}', '{"event":"x","event":"y"}')
    .map((text) => Buffer.from(text)),
  fc
    .tuple(fc.constantFrom('[', '{"a":'), fc.integer({ min: 1, max: 20_000 }))
    .map(([open, depth]) => Buffer.from(open.repeat(depth))),
);

function flipped(bytes: Buffer, at: number, byte: number): Buffer {
  if (bytes.length > 0) bytes[at % bytes.length] = byte;
  return bytes;
}

/** A text that can be sent as the value of a header. */
export const headerValue: fc.Arbitrary<string> = hostileText.map((text) =>
  Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[^\t\x20-\x7e\x80-\xff]/g, ' ')
    .slice(0, 500)
    .trim(),
);

const time = fc.oneof(
  fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') })
    .map((date) => date.toISOString()),
  hostileText,
);

/** A file of an event of Zoom. */
const zoomFile = broken({
  id: fc.oneof(fc.uuid(), hostileText),
  meeting_id: hostileText,
  recording_start: time,
  recording_end: time,
  file_type: fc.oneof(
    fc.constantFrom('MP4', 'M4A', 'CHAT', 'TRANSCRIPT', 'CC', 'TIMELINE', 'mp4', ''),
    hostileText,
  ),
  file_extension: fc.oneof(fc.constantFrom('MP4', 'VTT', 'TXT', 'JSON'), hostileText),
  file_size: fc.oneof(fc.nat(), hostileNumber),
  download_url: fc.oneof(
    fc.constant('https://zoom.us/rec/webhook_download/x'),
    fc.constantFrom(
      'http://127.0.0.1/',
      'https://[::1]/',
      'file:///etc/passwd',
      'javascript:1',
      'https://zoom.us@evil/',
    ),
    fc.webUrl(),
    hostileText,
  ),
  status: fc.constantFrom('completed', 'processing', ''),
  recording_type: fc.oneof(
    fc.constantFrom(
      'shared_screen_with_speaker_view',
      'active_speaker',
      'gallery_view',
      'audio_only',
      'chat_file',
    ),
    hostileText,
  ),
});

/** An event of Zoom, more or less as Zoom sends it. */
export const zoomEvent = broken({
  event: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('recording.completed', 'recording.transcript_completed') },
    { weight: 1, arbitrary: fc.constantFrom('endpoint.url_validation', 'meeting.started') },
    { weight: 1, arbitrary: hostileText },
  ),
  event_ts: fc.oneof(fc.integer({ min: 0, max: 4e12 }), hostileNumber),
  download_token: hostileText,
  payload: broken({
    plainToken: hostileText,
    account_id: hostileText,
    object: broken({
      uuid: fc.oneof(fc.base64String(), hostileText),
      id: fc.oneof(fc.nat(), hostileText),
      account_id: hostileText,
      topic: hostileText,
      type: fc.integer({ min: 0, max: 99 }),
      host_email: fc.oneof(fc.emailAddress(), hostileText),
      start_time: time,
      timezone: fc.oneof(fc.constantFrom('Europe/London', 'Asia/Kolkata', ''), hostileText),
      duration: fc.oneof(fc.nat(), hostileNumber),
      recording_files: fc.array(
        fc.oneof({ weight: 9, arbitrary: zoomFile }, { weight: 1, arbitrary: hostileJson }),
        {
          maxLength: 6,
        },
      ),
      participant_audio_files: fc.array(zoomFile, { maxLength: 2 }),
    }),
  }),
});

/** A text as a part of an address; lone surrogates, which cannot be one, are replaced as a browser would. */
export function inAddress(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString());
}
