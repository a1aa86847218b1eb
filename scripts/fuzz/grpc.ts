import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { JOB_ERRORS } from '../../src/grpc/errors.ts';
import { readJob } from '../../src/grpc/read-job.ts';
import {
  JobRequestSchema,
  JobsResultsRequestSchema,
  RevokeJobsRequestSchema,
  RevokeOutputsRequestSchema,
} from '../../src/grpc/stubs/streaming_pb.ts';
import { hostileText } from './hostile.ts';
import type { Fuzz } from './properties.ts';
import type { FuzzWorld, GrpcReply } from './world.ts';

/** What a call may end with: it is carried out, or whoever has sent it is told what is wrong with it. */
const DECENT = [0, 3, 5, 8, 9, 12];
const NUMBERS = Object.values(JOB_ERRORS).map(({ number }) => String(number));

async function call(
  world: FuzzWorld,
  path: string,
  body: Uint8Array,
  headers: object = {},
): Promise<GrpcReply> {
  const before = world.ledgerVersion();
  const reply = await world.callGrpc(path, body, headers);
  if (!DECENT.includes(reply.status)) throw new Error(`ended with ${reply.status}: ${reply.message}`);
  if (reply.status !== 0 && reply.message === '') throw new Error(`${reply.status} without a word`);
  if (reply.number !== undefined && !NUMBERS.includes(reply.number))
    throw new Error(`the number ${reply.number}`);
  if (reply.status !== 0 && world.ledgerVersion() !== before) {
    throw new Error(`refused with ${reply.status}, and the ledger has changed`);
  }
  return reply;
}

const framed = (message: Uint8Array) => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

/** Protocol buffers know no halves of characters. */
const text = hostileText.map((each) => each.toWellFormed());
const key = fc.oneof(text, fc.constantFrom('a.m3u8', 'folder/film.mp4', 'a'));
const bucket = fc.oneof(text, fc.constantFrom('films', 'site', 'a'));
const int = fc.oneof(fc.integer({ min: -2, max: 3 }), fc.integer());
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });

const s3Output = fc.record({ key, bucket, createBucket: fc.boolean(), dontReplace: fc.boolean() });
const s3Input = fc.record({ key, bucket });
const codecs = fc.record({ videoCodec: int, audioCodec: int });
const options = fc.record({
  fmp4: fc.boolean(),
  encodeFormat: fc.oneof(
    fc.constant({ case: undefined }),
    fc.record({ case: fc.constantFrom('h264', 'hevc', 'vp9'), value: codecs }),
  ),
  qualityNames: fc.array(int, { maxLength: 4 }),
  customQualities: fc.array(
    fc.record({
      size: maybe(fc.record({ width: int, height: int })),
      bitrate: maybe(fc.record({ video: int, audio: int, overall: int })),
    }),
    { maxLength: 3 },
  ),
});

const jobRequest = fc.record({
  webhookUrl: fc.oneof(text, fc.constantFrom('', 'https://academy.example/hook')),
  referenceId: text,
  video: maybe(fc.record({ s3Input: maybe(s3Input) })),
  watermark: maybe(fc.record({ s3Input: maybe(s3Input), uploadTo: maybe(s3Output), position: int })),
  playlists: fc.array(
    fc.record({
      protocol: int,
      uploadTo: maybe(s3Output),
      options: maybe(options),
      useWatermark: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  thumbnails: fc.array(
    fc.record({
      thumbnailTime: fc.oneof(text, fc.constantFrom('1', '00:00:01.5', '200ms')),
      uploadTo: maybe(s3Output),
      options: maybe(fc.record({ scaleWidth: int, scaleHeight: int })),
      useWatermark: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
}) as fc.Arbitrary<MessageInitShape<typeof JobRequestSchema>>;

const METHODS = ['create_job', 'get_results', 'revoke_jobs', 'revoke_job_outputs'];
const method = fc.constantFrom(...METHODS);

export const GRPC_FUZZES: readonly Fuzz[] = [
  {
    name: 'gRPC: a job that nobody would ask for is refused by its number or its words, or is taken in',
    share: 8,
    property: (world) =>
      fc.asyncProperty(jobRequest, async (request) => {
        const bytes = toBinary(JobRequestSchema, create(JobRequestSchema, request));
        await call(world, '/Streaming/create_job', framed(bytes));
      }),
  },
  {
    name: 'gRPC: ids and numbers that are none are told so',
    share: 3,
    property: (world) =>
      fc.asyncProperty(
        fc.array(text, { maxLength: 5 }),
        fc.array(int, { maxLength: 4 }),
        async (ids, numbers) => {
          const asked = toBinary(
            JobsResultsRequestSchema,
            create(JobsResultsRequestSchema, { trackingIds: ids }),
          );
          await call(world, '/Streaming/get_results', framed(asked));
          const revoked = toBinary(
            RevokeJobsRequestSchema,
            create(RevokeJobsRequestSchema, { trackingIds: ids }),
          );
          await call(world, '/Streaming/revoke_jobs', framed(revoked));
          const outputs = create(RevokeOutputsRequestSchema, {
            trackingId: ids[0] ?? '',
            playlistsNumbers: numbers,
          });
          await call(
            world,
            '/Streaming/revoke_job_outputs',
            framed(toBinary(RevokeOutputsRequestSchema, outputs)),
          );
        },
      ),
  },
  {
    name: 'gRPC: bytes that are no message are refused',
    share: 5,
    property: (world) =>
      fc.asyncProperty(
        method,
        fc.uint8Array({ maxLength: 200 }),
        fc.boolean(),
        async (name, bytes, isFramed) => {
          await call(world, `/Streaming/${name}`, isFramed ? framed(bytes) : bytes);
        },
      ),
  },
  {
    name: 'gRPC: odd headers end their own call alone',
    share: 3,
    property: (world) =>
      fc.asyncProperty(
        fc.constantFrom(
          'grpc-timeout',
          'grpc-encoding',
          'grpc-accept-encoding',
          'x-odd-bin',
          'authorization',
        ),
        fc.string({ maxLength: 40 }).filter((value) => /^[ -~]*$/.test(value) && value.trim() === value),
        async (name, value) => {
          const before = world.ledgerVersion();
          await world.callGrpc('/Streaming/get_results', framed(new Uint8Array()), { [name]: value });
          if (world.ledgerVersion() !== before) throw new Error('the ledger has changed');
          await call(world, '/grpc.health.v1.Health/Check', framed(new Uint8Array()));
        },
      ),
  },
  {
    name: 'gRPC: what is read of a job is whole, or nothing of it is',
    share: 4,
    property: () =>
      fc.property(jobRequest, (request) => {
        try {
          const job = readJob(create(JobRequestSchema, request), { input: undefined, output: undefined });
          const ids = new Set(job.outputs.map(({ id }) => id));
          if (ids.size !== job.outputs.length) throw new Error('two outputs have one id');
        } catch (error) {
          if ((error as Error).name !== 'ConnectError') throw error;
        }
      }),
  },
];
