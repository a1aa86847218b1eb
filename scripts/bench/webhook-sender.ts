import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { serveMessages } from './child-script.ts';

/** What the sender is asked for. */
export interface SendingWanted {
  readonly url: string;
  readonly secretToken: string;
  readonly count: number;
  readonly perSecond: number;
}

/** One webhook: when it was meant to be sent, how long after that the answer was there, and what it was. */
export interface SentWebhook {
  readonly dueAtMs: number;
  readonly latencyMs: number;
  /** 0 if there was none. */
  readonly status: number;
  /** The recording that the door has accepted. */
  readonly id: string | null;
}

/** As Zoom's own: answers that take longer count as missing. */
const ANSWER_TIMEOUT_MS = 3000;

/** Sends at the times that were set beforehand, whatever the answers do. */
async function send({ url, secretToken, count, perSecond }: SendingWanted): Promise<SentWebhook[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const bodies = Array.from({ length: count }, (_, n) => JSON.stringify(completedEvent(n)));
  const startMs = performance.now() + 50;
  const sent: Promise<SentWebhook>[] = [];
  await new Promise<void>((resolve) => {
    const sendDue = () => {
      while (sent.length < count) {
        const dueMs = startMs + (sent.length * 1000) / perSecond;
        const leftMs = dueMs - performance.now();
        if (leftMs > 0) return void setTimeout(sendDue, leftMs);
        sent.push(sendOne(agent, url, secretToken, bodies[sent.length] ?? '', dueMs));
      }
      resolve();
    };
    sendDue();
  });
  const all = await Promise.all(sent);
  agent.destroy();
  return all;
}

function sendOne(
  agent: Agent,
  url: string,
  secretToken: string,
  body: string,
  dueMs: number,
): Promise<SentWebhook> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const digest = createHmac('sha256', secretToken).update(`v0:${timestamp}:${body}`).digest('hex');
  return new Promise((resolve) => {
    const end = (status: number, id: string | null) =>
      resolve({
        dueAtMs: performance.timeOrigin + dueMs,
        latencyMs: performance.now() - dueMs,
        status,
        id,
      });
    const sending = request(
      url,
      {
        method: 'POST',
        agent,
        timeout: ANSWER_TIMEOUT_MS,
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'content-length': Buffer.byteLength(body),
          'x-zm-request-timestamp': timestamp,
          'x-zm-signature': `v0=${digest}`,
        },
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () => end(answer.statusCode ?? 0, idIn(text)));
        answer.on('error', () => end(0, null));
      },
    );
    sending.on('timeout', () => sending.destroy());
    sending.on('error', () => end(0, null));
    sending.end(body);
  });
}

function idIn(text: string): string | null {
  const [, id = null] = /"id":"([^"]+)"/.exec(text) ?? [];
  return id;
}

/** The event of a meeting with one video; nobody asks for its bytes while the bench runs. */
function completedEvent(n: number): object {
  const uuid = randomBytes(16).toString('base64');
  const id = randomUUID();
  const time = '2026-03-02T10:00:00Z';
  return {
    event: 'recording.completed',
    event_ts: Date.now(),
    download_token: randomBytes(120).toString('base64url'),
    payload: {
      account_id: 'bench-account',
      object: {
        uuid,
        id: 80_000_000_000 + n,
        account_id: 'bench-account',
        host_id: 'bench-host',
        topic: `Lesson ${n}`,
        type: 2,
        start_time: time,
        timezone: 'Europe/London',
        duration: 60,
        host_email: 'tutor@example.com',
        total_size: 500_000_000,
        recording_count: 1,
        recording_files: [
          {
            id,
            meeting_id: uuid,
            recording_start: time,
            recording_end: '2026-03-02T11:00:00Z',
            file_type: 'MP4',
            file_extension: 'MP4',
            file_size: 500_000_000,
            play_url: `https://us02web.zoom.us/rec/play/${id}`,
            download_url: `https://us02web.zoom.us/rec/webhook_download/${id}`,
            status: 'completed',
            recording_type: 'shared_screen_with_speaker_view',
          },
        ],
      },
    },
  };
}

serveMessages(async (wanted: SendingWanted) => ({ sent: await send(wanted) }));
