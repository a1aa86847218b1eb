import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { AttackHouse } from './house.ts';
import { freeBox } from './house.ts';
import { send } from './request.ts';

const MIB = 1024 * 1024;
const STEP_MS = 100;
const SAMPLE = join(import.meta.dirname, '../../test/fixtures/sample.mp4');

/** Begins an upload; its path. */
export async function beginUpload(house: AttackHouse, aceId: string, bytes: number): Promise<string> {
  const headers = {
    authorization: `Bearer ${await house.token(aceId)}`,
    'tus-resumable': '1.0.0',
    'upload-length': String(bytes),
  };
  const { status, headers: said, text } = await send(house.nginx.port, 'POST', '/tusupload', { headers });
  if (status !== 201) throw new Error(`the honest upload was refused with ${status}: ${text}`);
  return new URL(String(said['location']), `${house.nginx.url}/tusupload`).pathname;
}

/** Sends the first bytes of an upload, and leaves it so. */
export async function sendPart(house: AttackHouse, path: string, aceId: string, body: Buffer): Promise<void> {
  const headers = { ...(await patchHeaders(house, aceId)), 'content-length': body.length };
  const { status, text } = await send(house.nginx.port, 'PATCH', path, { headers, body });
  if (status !== 204) throw new Error(`the part was refused with ${status}: ${text}`);
}

/** A tutor who uploads for as long as the attacks last, in one request, some MB in each second. */
export async function startHonestUpload(
  house: AttackHouse,
  options: { aceId: string; bytes: number; bytesPerSecond: number },
) {
  const { aceId, bytes, bytesPerSecond } = options;
  const sample = await readFile(SAMPLE);
  const path = await beginUpload(house, aceId, bytes);
  const sending = request({
    port: house.nginx.port,
    host: '127.0.0.1',
    method: 'PATCH',
    path,
    agent: false,
    headers: { ...(await patchHeaders(house, aceId)), 'content-length': bytes },
  });
  const answered = (once(sending, 'response') as Promise<[IncomingMessage]>).then(
    ([answer]) => {
      answer.resume();
      return String(answer.statusCode);
    },
    (error: Error) => error.message,
  );
  let isFast = false;
  let hasEnded = false;
  void answered.then(() => {
    hasEnded = true;
  });

  const box = freeBox(16);
  box.writeUInt32BE(bytes - sample.length, 0);
  const head = Buffer.concat([sample, box]);
  const work = (async () => {
    sending.write(head);
    let left = bytes - head.length;
    while (left > 0 && !hasEnded) {
      // The last MiB is kept until the attacks are over, so that it lasts however long they do.
      const chunk = isFast ? MIB : Math.max(1, Math.min((bytesPerSecond * STEP_MS) / 1000, left - MIB));
      const size = Math.min(left, Math.round(chunk));
      const isTaken = sending.write(Buffer.alloc(size));
      left -= size;
      if (!isTaken && !hasEnded) await Promise.race([once(sending, 'drain').catch(() => {}), answered]);
      if (!isFast) await delay(STEP_MS);
    }
    sending.end();
  })();

  return {
    id: path.split('/').at(-1) ?? '',
    /** Sends what is left as fast as it goes; the status of the answer, or how it broke. */
    async finish(): Promise<string> {
      isFast = true;
      await work;
      return await answered;
    },
  };
}

async function patchHeaders(house: AttackHouse, aceId: string) {
  return {
    authorization: `Bearer ${await house.token(aceId)}`,
    'tus-resumable': '1.0.0',
    'content-type': 'application/offset+octet-stream',
    'upload-offset': '0',
  };
}
