import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveMessages } from './child-script.ts';

/** What the client is asked to send, of bytes that it makes up. */
export interface UploadWanted {
  /** A tus endpoint, or any address that takes a PATCH. */
  readonly url: string;
  readonly isTus: boolean;
  readonly uploads: number;
  readonly bytes: number;
  /** How much each request carries. */
  readonly requestBytes: number;
  /** Of each upload; as fast as it goes unless set. */
  readonly bytesPerSecond?: number;
}

export interface Uploaded {
  readonly wallMs: number;
}

const MIB = 1024 * 1024;
const BLOCK = randomBytes(MIB);
// Random as it is, it has to pass for a video.
BLOCK.write('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1');
const SLOW_STEP_MS = 100;
const agent = new Agent({ keepAlive: true, maxSockets: 256 });

async function uploadOne(wanted: UploadWanted): Promise<void> {
  const { isTus, bytes, requestBytes } = wanted;
  const url = isTus ? await create(wanted) : wanted.url;
  for (let offset = 0; offset < bytes; offset += requestBytes) {
    const length = Math.min(requestBytes, bytes - offset);
    const headers = { 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) };
    const patch = request(url, {
      method: 'PATCH',
      agent,
      headers: { 'tus-resumable': '1.0.0', 'content-length': String(length), ...headers },
    });
    const answered = answerTo(patch, 204);
    await Promise.race([writeBody(patch, length, wanted.bytesPerSecond), answered]);
    await answered;
  }
}

async function create({ url, bytes }: UploadWanted): Promise<string> {
  const aceId = Buffer.from(`bench-${randomBytes(8).toString('hex')}`).toString('base64');
  const post = request(url, {
    method: 'POST',
    agent,
    headers: {
      'tus-resumable': '1.0.0',
      'upload-length': String(bytes),
      'upload-metadata': `ace_id ${aceId}`,
    },
  });
  post.end();
  const { headers } = await answerTo(post, 201);
  return new URL(headers.location ?? '', url).toString();
}

async function writeBody(sending: ClientRequest, length: number, bytesPerSecond?: number): Promise<void> {
  const step = bytesPerSecond === undefined ? MIB : Math.ceil((bytesPerSecond * SLOW_STEP_MS) / 1000);
  for (let at = 0; at < length; at += step) {
    const isTaken = sending.write(BLOCK.subarray(0, Math.min(step, length - at)));
    if (!isTaken) await once(sending, 'drain');
    if (bytesPerSecond !== undefined) await sleep(SLOW_STEP_MS);
  }
  sending.end();
}

async function answerTo(sending: ClientRequest, status: number): Promise<IncomingMessage> {
  const [answer] = (await once(sending, 'response')) as [IncomingMessage];
  const text = (await answer.toArray()).join('');
  if (answer.statusCode !== status) throw new Error(`answered ${answer.statusCode}: ${text}`);
  return answer;
}

serveMessages(async (wanted: UploadWanted): Promise<Uploaded> => {
  const startMs = performance.now();
  await Promise.all(Array.from({ length: wanted.uploads }, () => uploadOne(wanted)));
  return { wallMs: performance.now() - startMs };
});
