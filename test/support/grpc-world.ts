import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type S3Simulator, startS3Simulator } from '../../simulators/s3/simulator.ts';
import { QUICK_SETTINGS } from './faults-house.ts';
import { freePort } from './free-port.ts';
import { connect, type Message } from './grpc-client.ts';
import { type House, openHouse, SAMPLE } from './house.ts';
import { putObject, requestsTo, s3Environment } from './s3-of-house.ts';

/** The bucket in which the inputs of jobs lie. */
export const CONTENT = 'content';

export type GrpcWorld = Awaited<ReturnType<typeof openGrpcWorld>>;

/** A house with a gRPC door, whose jobs take from and give to a simulated S3; the sample lies there as `film.mp4`. */
export async function openGrpcWorld(settings: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-grpc-'));
  const s3: S3Simulator = await startS3Simulator({ bucket: CONTENT });
  const port = await freePort();
  const house: House = await openHouse({
    ...QUICK_SETTINGS,
    PATH: process.env['PATH'],
    ...s3Environment(s3),
    S3_INPUT_BUCKETS: '*',
    S3_OUTPUT_BUCKETS: '*',
    GRPC_PORT: String(port),
    GRPC_INPUT_BUCKET: CONTENT,
    GRPC_OUTPUT_BUCKET: CONTENT,
    LEASE_MS: '4000',
    ...settings,
  });
  const { signal } = new AbortController();
  const made = new Set<string>();
  const client = connect(`127.0.0.1:${port}`);

  const world = {
    house,
    s3,
    port,
    client,

    async put(bucket: string, key: string, bytes: Buffer): Promise<void> {
      const requests = requestsTo(house, bucket);
      if (!made.has(bucket)) await requests.ask({ method: 'PUT', signal }).catch(() => {});
      made.add(bucket);
      await putObject(requests, key, bytes);
    },

    keys: (bucket: string) => s3.objects(bucket).map(({ key }) => key),

    async result(trackingId: string): Promise<Message> {
      const { results } = await client.getResults({ tracking_ids: [trackingId] });
      return results[0];
    },

    /** Asks again and again until a job stands so; returns all that was seen of it. */
    async reaches(trackingId: string, ...statuses: string[]): Promise<Message[]> {
      const seen: Message[] = [];
      for (;;) {
        const result = await world.result(trackingId);
        seen.push(result);
        if (statuses.includes(result.status)) return seen;
        if (['FINISHED', 'FAILED', 'REVOKED'].includes(result.status)) {
          throw new Error(`it is ${result.status} (${result.reason}) and will not be ${statuses.join(', ')}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },

    async close(): Promise<void> {
      client.close();
      await house.close();
      await s3.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await world.put(CONTENT, 'film.mp4', await readFile(SAMPLE));
  return world;
}

/** A job of one thumbnail, changed as it is wanted. */
export function jobOf(more: object = {}): Message {
  return {
    video: { s3_input: { bucket: CONTENT, key: 'film.mp4' } },
    thumbnails: [{ thumbnail_time: '1', upload_to: { bucket: CONTENT, key: `thumbs/${Math.random()}.jpg` } }],
    ...more,
  };
}
