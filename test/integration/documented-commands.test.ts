import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aceKey, recordingId } from '../../src/domain/ids.ts';
import { startTusWorld, type TusWorld } from '../support/tus-world.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

let world: TusWorld;
beforeEach(async () => {
  world = await startTusWorld({ allowedOrigins: [] });
});
afterEach(async () => {
  await world.stop();
});

/** The commands that a page gives behind this marker. */
async function commandsOf(page: string, marker: string): Promise<string> {
  const [, rest] = (await readFile(join(CHECKOUT, page), 'utf8')).split(`<!-- ${marker} -->`);
  const commands = /```bash\n(.*?)```/s.exec(rest ?? '')?.[1];
  if (commands === undefined) throw new Error(`${page} has no commands for ${marker}`);
  return commands;
}

describe('the commands of docs/website.md', () => {
  it('upload a file with curl, and go on with one that broke off', async () => {
    const commands = (await commandsOf('docs/website.md', 'tus by hand')).replace(
      /^URL=\S+/m,
      `URL=${world.url}`,
    );
    const [begin = '', send = ''] = commands.split(/^# Send.*$/m);
    const cut = `head -c 100000 "$FILE" | curl "\${TUS[@]}" -X PATCH "$UPLOAD" -T - -H 'Upload-Offset: 0' \
      -H 'Content-Type: application/offset+octet-stream'`;

    await run('bash', ['-euo', 'pipefail', '-c', `${begin}\n${cut}\n${send}`], { cwd: CHECKOUT });

    const id = recordingId(aceKey('lesson-4711'));
    await expect.poll(() => world.ledger.recordings.get(id)).toMatchObject({ aceId: 'lesson-4711' });
    const sample = await readFile(join(CHECKOUT, 'test/fixtures/sample.mp4'));
    const [post] = world.pipeline.posts;
    expect(post).toMatchObject({ filename: 'sample.mp4', size: sample.length });
    expect((await readFile(post?.path ?? '')).equals(sample)).toBe(true);
  });
});
