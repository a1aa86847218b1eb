import { type Client, credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { serveMessages } from './child-script.ts';

/** What the sender is asked for. */
export interface CallsWanted {
  readonly address: string;
  /** A job, as the service has it. */
  readonly job: object;
  /** Jobs that are created first; each question is about all of them. */
  readonly jobs: number;
  /** Half of them create a job, half ask how those stand. */
  readonly calls: number;
  readonly perSecond: number;
}

/** How long each call took from when it was meant to be sent, in milliseconds; and how many were not answered. */
export interface CallsMade {
  readonly createMs: readonly number[];
  readonly resultsMs: readonly number[];
  readonly lost: number;
}

type Method = (
  request: object,
  done: (error: unknown, answer: { readonly tracking_id: string }) => void,
) => void;
type Streaming = Client & Readonly<Record<'create_job' | 'get_results', Method>>;

const PROTO = new URL('../../src/grpc/proto', import.meta.url).pathname;

async function call({ address, job, jobs, calls, perSecond }: CallsWanted): Promise<CallsMade> {
  const definition = loadSync('streaming.proto', { includeDirs: [PROTO], keepCase: true });
  const { Streaming: Service } = loadPackageDefinition(definition) as unknown as {
    readonly Streaming: new (
      address: string,
      how: ReturnType<typeof credentials.createInsecure>,
    ) => Streaming;
  };
  const client = new Service(address, credentials.createInsecure());
  const ask = (method: 'create_job' | 'get_results', request: object) =>
    new Promise<{ readonly tracking_id: string }>((resolve, reject) =>
      client[method](request, (error, answer) => (error ? reject(error) : resolve(answer))),
    );
  const ids: string[] = [];
  for (let n = 0; n < jobs; n += 1) ids.push((await ask('create_job', job)).tracking_id);

  const made = { createMs: [] as number[], resultsMs: [] as number[], lost: 0 };
  const startMs = performance.now() + 50;
  const sent: Promise<void>[] = [];
  await new Promise<void>((resolve) => {
    const sendDue = () => {
      while (sent.length < calls) {
        const dueMs = startMs + (sent.length * 1000) / perSecond;
        const leftMs = dueMs - performance.now();
        if (leftMs > 0) return void setTimeout(sendDue, leftMs);
        const isCreate = sent.length % 2 === 0;
        const asked = isCreate ? ask('create_job', job) : ask('get_results', { tracking_ids: ids });
        sent.push(
          asked.then(
            () => void made[isCreate ? 'createMs' : 'resultsMs'].push(performance.now() - dueMs),
            () => {
              made.lost += 1;
            },
          ),
        );
      }
      resolve();
    };
    sendDue();
  });
  await Promise.all(sent);
  client.close();
  return made;
}

serveMessages(call);
