import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMediaGate } from '../../src/lib/media-gate.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-gate-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const UNKNOWN = Buffer.concat([Buffer.from('00000000', 'hex'), Buffer.alloc(9000, 1)]);

async function file(name: string, content: Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** A gate that asks a program of the test, which stands where ffprobe would. */
async function gateAsking(script: string) {
  const command = join(folder, `probe-${randomBytes(4).toString('hex')}`);
  await writeFile(command, `#!/bin/sh\n${script}\n`);
  await chmod(command, 0o755);
  return createMediaGate({ allowed: [], ffprobe: { command, searchPath: '/usr/bin:/bin' } });
}

const answer = (format: object, ...streams: object[]) =>
  `cat <<'END'\n${JSON.stringify({ format, streams })}\nEND`;
const VIDEO = { codec_type: 'video', codec_name: 'cook' };

describe('ffprobe', () => {
  it.each([
    [
      'a film of a format that we do not know',
      [{ format_name: 'vivo', probe_score: 100 }, VIDEO],
      'video/x-vivo',
    ],
    [
      'a sound with a picture',
      [
        { format_name: 'oma', probe_score: 99 },
        { codec_type: 'audio', codec_name: 'atrac3' },
        { ...VIDEO, disposition: { attached_pic: 1 } },
      ],
      'audio/x-oma',
    ],
  ] as const)('may say that it is %s', async (_name, [format, ...streams], mime) => {
    const gate = await gateAsking(answer(format, ...streams));

    expect(await gate.typeOf(await file('unknown', UNKNOWN))).toMatchObject({ mime });
  });

  it.each([
    ['guesses', answer({ format_name: 'mp3', probe_score: 1 }, { codec_type: 'audio', codec_name: 'mp3' })],
    ['finds neither audio nor video', answer({ format_name: 'x', probe_score: 100 }, { codec_type: 'data' })],
    [
      'finds a picture alone',
      answer({ format_name: 'x', probe_score: 100 }, { ...VIDEO, disposition: { attached_pic: 1 } }),
    ],
    ['knows no codec of it', answer({ format_name: 'x', probe_score: 100 }, { codec_type: 'video' })],
    ['fails', 'exit 1'],
    ['talks nonsense', 'echo nonsense'],
    ['talks without end', 'exec yes'],
  ])('is not believed where it %s', async (_name, script) => {
    const gate = await gateAsking(script);

    expect(await gate.typeOf(await file('unknown', UNKNOWN))).toBeUndefined();
  });

  it('is asked about one open file, and told nothing else', async () => {
    const seen = join(folder, 'seen');
    const gate = await gateAsking(`{ env; echo "ARGS $*"; ulimit -t; cat <&3 | wc -c; } > '${seen}'; exit 1`);

    await gate.typeOf(await file('unknown', UNKNOWN));

    const text = await readFile(seen, 'utf8');
    const names = [...text.matchAll(/^(\w+)=/gm)].map(([, name]) => name);
    expect(names.filter((name) => !['PATH', 'PWD', 'OLDPWD', 'SHLVL', '_'].includes(name ?? ''))).toEqual([]);
    expect(text).toMatch(/ARGS .*-protocol_whitelist file .*file:\/dev\/fd\/3\n10\n9004\n/s);
    expect(text).not.toMatch(/concat|hls|image2|dash/);
  });

  it('is not missed where it is not installed', async () => {
    const gate = createMediaGate({
      allowed: [],
      ffprobe: { command: 'no-such-ffprobe', searchPath: '/usr/bin:/bin' },
    });

    expect(await gate.typeOf(await file('unknown', UNKNOWN))).toBeUndefined();
  });
});

describe('what an operator allows', () => {
  const gate = createMediaGate({ allowed: ['zip', 'acm', 'application/x-acme', 'application/pdf'] });
  const ZIP = Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(9000, 2)]);

  it.each([
    ['by the ending of its name', UNKNOWN, { filename: 'Lesson.ACM' }, 'application/octet-stream', 'acm'],
    [
      'by what it is said to be',
      UNKNOWN,
      { filetype: 'application/x-acme; v=1' },
      'application/x-acme',
      'bin',
    ],
    ['although it surely is something else', ZIP, { filename: 'lessons.zip' }, 'application/zip', 'zip'],
    ['by what it is', Buffer.from('%PDF-1.7\n\x00\x01'), {}, 'application/pdf', 'bin'],
  ])('is taken %s', async (_name, content, claim, mime, extension) => {
    expect(await gate.typeOf(await file('allowed', content), claim)).toEqual({ mime, extension });
    expect((await gate.look(content.subarray(0, 4100), claim)).kind).not.toBe('other');
  });

  it('is nothing else', async () => {
    expect(await gate.typeOf(await file('other', ZIP), { filename: 'lessons.zip.exe' })).toBeUndefined();
    expect((await gate.look(ZIP, { filename: 'zip' })).kind).toBe('other');
  });
});
