import {
  type ChannelCredentials,
  type ChannelOptions,
  type Client,
  credentials,
  loadPackageDefinition,
  type Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const PROTO = new URL('../../src/grpc/proto', import.meta.url).pathname;

// biome-ignore lint/suspicious/noExplicitAny: messages are looked into freely in tests
export type Message = any;

/** A stock client of gRPC, which knows our services by their descriptions alone. */
export function connect(
  address: string,
  how: ChannelCredentials = credentials.createInsecure(),
  options: ChannelOptions = {},
) {
  const definition = loadSync(['streaming.proto', 'sluice/v1/chunker.proto', 'grpc/health/v1/health.proto'], {
    includeDirs: [PROTO],
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  });
  const loaded = loadPackageDefinition(definition) as Message;
  const clients: Client[] = [];
  const open = (
    Service: new (address: string, how: ChannelCredentials, options: ChannelOptions) => Client,
  ): Message => {
    const client = new Service(address, how, options);
    clients.push(client);
    return client;
  };
  const streaming = open(loaded.Streaming);
  const health = open(loaded.grpc.health.v1.Health);
  const chunker = open(loaded.sluice.v1.Chunker);
  const unary =
    (client: Message, method: string) =>
    (request: object, metadata?: Metadata, options: object = {}): Promise<Message> =>
      new Promise((resolve, reject) => {
        const done = (error: ServiceError | null, answer: Message) =>
          error ? reject(error) : resolve(answer);
        if (metadata === undefined) client[method](request, options, done);
        else client[method](request, metadata, options, done);
      });
  return {
    createJob: unary(streaming, 'create_job'),
    getResults: unary(streaming, 'get_results'),
    revokeJobs: unary(streaming, 'revoke_jobs'),
    revokeJobOutputs: unary(streaming, 'revoke_job_outputs'),
    check: unary(health, 'Check'),
    chunker,
    health,
    close() {
      for (const client of clients) client.close();
    },
  };
}

export type GrpcClient = ReturnType<typeof connect>;

/** The refusal of a call. */
export async function refusalOf(call: Promise<unknown>): Promise<ServiceError> {
  try {
    await call;
  } catch (error) {
    return error as ServiceError;
  }
  throw new Error('it was not refused');
}
