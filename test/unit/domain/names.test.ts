import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordingId } from '../../../src/domain/ids.ts';
import { archiveDayOf, archiveName, cleanTitle, slug, titleOfFile } from '../../../src/domain/names.ts';

const DAY_MS = Date.parse('2026-01-05T23:59:59.999Z');
const ID = recordingId('zoom:1');
const HEX = ID.replace('rec_', '');

/** Any text at all: plain, full Unicode, and with lone surrogates. */
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
  fc.string({ unit: fc.constantFrom('/', '\\', '.', ' ', '-', ':', '\0', '\n', '😀', 'ü', '自', '\u202e') }),
);

function nameOf(title: string): string {
  return archiveName({ id: ID, source: 'zoom', title, acceptedAtMs: DAY_MS, extension: 'mp4' });
}

/** What any page of B2's documentation, old or new, forbids in a file name. */
function flawsOf(name: string): string[] {
  const segments = name.split('/');
  return [
    Buffer.byteLength(name) > 1024 && 'more than 1024 bytes',
    segments.some((segment) => segment === '') && 'an empty segment',
    segments.some((segment) => segment === '.' || segment === '..') && 'a dot segment',
    segments.some((segment) => Buffer.byteLength(segment) > 250) && 'a segment of more than 250 bytes',
    /[\p{Cc}\\]/u.test(name) && 'a control character or backslash',
    /\p{Surrogate}/u.test(name) && 'half a character',
  ].filter((flaw) => flaw !== false);
}

describe('slug', () => {
  it.each([
    ['Algebra, group 2', 'Algebra-group-2'],
    ['  ../../etc/passwd ', 'etc-passwd'],
    ['C++ & <script>: 50%', 'C-script-50'],
    ['Übung № 3', 'Übung-3'],
    ['代数 第二组', '代数-第二组'],
    ['u\u0308ben', 'üben'],
    ['हिन्दी', 'हिन्दी'],
    ['😀 🎉', ''],
    ['', ''],
    ['---', ''],
  ])('makes of %j %j', (title, expected) => {
    expect(slug(title)).toBe(expected);
  });

  it('stops at 80 bytes, never in the middle of a character and never at a hyphen', () => {
    expect(slug('自'.repeat(100))).toBe('自'.repeat(26));
    expect(slug(`${'a'.repeat(79)} b`)).toBe('a'.repeat(79));
    expect(slug('हि'.repeat(50))).toBe('हि'.repeat(13));
  });
});

describe('archiveName', () => {
  it('is source, day of acceptance in UTC, title and id', () => {
    expect(nameOf('Algebra, group 2')).toBe(`zoom/2026/01/05/Algebra-group-2-${HEX}.mp4`);
  });

  it.each([
    ['a time of Zoom', '2025-12-31T23:30:00Z', '2025/12/31'],
    ['a time with a zone', '2025-12-31T23:30:00-02:00', '2026/01/01'],
    ['a time in milliseconds', Date.UTC(2020, 1, 29), '2020/02/29'],
    ['no time', null, '2026/01/05'],
    ['a text that is no time', 'yesterday', '2026/01/05'],
    ['the beginning of all time', 0, '2026/01/05'],
    ['a year that nobody writes', Date.UTC(20_000, 0, 1), '2026/01/05'],
    ['what no clock shows', Number.NaN, '2026/01/05'],
  ])('has the day of the recording itself, by %s, or else that of acceptance', (_name, time, day) => {
    const recording = { id: ID, source: 'zoom', title: '', acceptedAtMs: DAY_MS, origin: archiveDayOf(time) };
    expect(archiveName({ ...recording, extension: 'mp4' })).toBe(`zoom/${day}/${HEX}.mp4`);
  });

  it('is the id alone where the title has no letters', () => {
    expect(nameOf('///')).toBe(`zoom/2026/01/05/${HEX}.mp4`);
  });

  it('is legal in B2 whatever the title', () => {
    fc.assert(
      fc.property(anyText, (title) => {
        expect(flawsOf(nameOf(title))).toEqual([]);
      }),
    );
  });

  it('is always the same for one recording and never that of another', () => {
    fc.assert(
      fc.property(anyText, anyText, fc.string(), fc.string(), (title, otherTitle, key, otherKey) => {
        const one = { id: recordingId(key), source: 'zoom', title, acceptedAtMs: DAY_MS, extension: 'mp4' };
        const other = { ...one, id: recordingId(otherKey), title: otherTitle };

        expect(archiveName(one)).toBe(archiveName({ ...one }));
        if (key !== otherKey) expect(archiveName(one)).not.toBe(archiveName(other));
      }),
    );
  });
});

describe('cleanTitle', () => {
  it.each([
    ['  Algebra\r\n\tgroup\u00a02  ', 'Algebra group 2'],
    ['null\0byte', 'null byte'],
    ['invoice\u202egpj.exe', 'invoice gpj.exe'],
    ['half \ud83d character', 'half character'],
    ['line\u2028separator', 'line separator'],
    ['Übung 😀: 1/2', 'Übung 😀: 1/2'],
    [' \n ', ''],
    ['U\u0308bung', 'Übung'],
    ['Al\u00adge\u200bbra\ufeff', 'Algebra'],
    ['\u200fשלום\u200e!', 'שלום!'],
    ['می\u200cخواهم', 'می\u200cخواهم'],
    ['\u200d a \u200c\u200d', 'a'],
    ['👩🏽\u200d🏫 lesson', '👩🏽\u200d🏫 lesson'],
    [
      '🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} 1\u{e0067}',
      '🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} 1',
    ],
  ])('makes of %j %j', (raw, expected) => {
    expect(cleanTitle(raw)).toBe(expected);
  });

  it('is one clean line of at most 250 characters, and the same when cleaned again', () => {
    fc.assert(
      fc.property(anyText, (raw) => {
        const title = cleanTitle(raw);

        expect(Array.from(title).length).toBeLessThanOrEqual(250);
        expect(title).not.toMatch(
          /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]|(?!\u200c|\u200d|[\u{e0061}-\u{e007f}])\p{Cf}|^\s|\s$|\s\s/u,
        );
        expect(title.normalize('NFC')).toBe(title);
        expect(cleanTitle(title)).toBe(title);
      }),
    );
  });

  it('does not end in a space where the limit cuts between two words', () => {
    expect(cleanTitle(`${'a'.repeat(249)} b`)).toBe('a'.repeat(249));
  });

  it('does not cut what readers see as one character', () => {
    const family = '👨\u200d👩\u200d👧';

    expect(cleanTitle(family.repeat(60))).toBe(family.repeat(50));
    expect(cleanTitle(`a${'\u0327\u0301'.repeat(400)}`)).toHaveLength(250);
  });
});

describe('titleOfFile', () => {
  it.each([
    ['Algebra, group 2.mp4', 'Algebra, group 2'],
    ['2026-11-24_room.B.MKV', '2026-11-24_room.B'],
    ['2026-11-24', '2026-11-24'],
    ['Dr. Who', 'Dr. Who'],
    ['Dr. Who.m4a', 'Dr. Who'],
    ['Lektion 3.2', 'Lektion 3.2'],
    ['Algebra vs. Geo', 'Algebra vs. Geo'],
    ['v1.0.final', 'v1.0.final'],
    ['a.mp4.mp4', 'a.mp4'],
    ['...and more.webm ', '...and more'],
    ['.hidden', '.hidden'],
    ['.mp4', ''],
    ['代数.第二.wav', '代数.第二'],
    ['U\u0308bung.aiff', 'Übung'],
    ['', ''],
  ])('makes of %j %j', (name, title) => {
    expect(titleOfFile(name)).toBe(title);
  });
});
