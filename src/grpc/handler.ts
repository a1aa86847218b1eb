import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { DescFile } from '@bufbuild/protobuf';
import {
  Code,
  type ConnectRouter,
  createConnectRouter,
  createContextValues,
  type Interceptor,
} from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import {
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from '@connectrpc/connect-node';
import type { Logger } from 'pino';
import type { Jobs } from '../desk/jobs.ts';
import type { Pieces } from '../desk/pieces.ts';
import { createChunker } from './chunker.ts';
import { toConnectError } from './errors.ts';
import { type Caller, visitKey } from './gate.ts';
import { createHealth } from './health.ts';
import type { DefaultBuckets } from './read-job.ts';
import { addReflection } from './reflection.ts';
import { createStreaming } from './streaming.ts';
import { file_grpc_health_v1_health, Health } from './stubs/grpc/health/v1/health_pb.ts';
import { Chunker, file_sluice_v1_chunker } from './stubs/sluice/v1/chunker_pb.ts';
import { file_streaming, Streaming } from './stubs/streaming_pb.ts';

/** The most that one message may have, in bytes. */
export const MOST_MESSAGE_BYTES = 1024 * 1024;

/** The most that an answer takes: of a thousand jobs with all their outputs. */
const MOST_ANSWER_BYTES = 64 * 1024 * 1024;

/** Below that an answer goes as it is: to compress it takes longer than to send it, and clients say that they take it compressed without wanting it. */
const COMPRESSED_FROM_BYTES = 1024 * 1024;

/** How long a call may take at most, whatever its client says, in milliseconds; a stream goes on. */
const MOST_DEADLINE_MS = 24 * 3_600_000;

export type NodeRequest = IncomingMessage | Http2ServerRequest;
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** What is served, over whatever speaks gRPC, gRPC-Web or Connect. */
export interface Services {
  /** Their paths, by what they are. */
  readonly paths: readonly string[];
  /** Answers a call; false: it is none of these. */
  handle(request: NodeRequest, response: NodeResponse, admit: () => Caller): boolean;
  /** From now on it says that it takes no calls. */
  endHealth(): void;
}

export function createServices(options: {
  readonly jobs: Jobs;
  readonly pieces: Pieces;
  readonly buckets: DefaultBuckets;
  readonly log: Logger;
  readonly slowReaderMs?: number;
}): Services {
  const { log } = options;
  const served: readonly DescFile[] = [file_streaming, file_sluice_v1_chunker, file_grpc_health_v1_health];
  const health = createHealth([Streaming.typeName, Chunker.typeName]);
  const router = createConnectRouter({
    acceptCompression: [compressionGzip],
    compressMinBytes: COMPRESSED_FROM_BYTES,
    readMaxBytes: MOST_MESSAGE_BYTES,
    writeMaxBytes: MOST_ANSWER_BYTES,
    maxTimeoutMs: MOST_DEADLINE_MS,
    interceptors: [inOurWords(log)],
  });
  addServices(router);
  const handlers = new Map<string, UniversalHandler>(
    router.handlers.map((handler) => [handler.requestPath, handler]),
  );

  function addServices(to: ConnectRouter): void {
    to.service(Streaming, createStreaming(options));
    to.service(Chunker, createChunker(options));
    to.service(Health, health.service);
    addReflection(to, served);
  }

  return {
    paths: [...handlers.keys()],
    endHealth: health.end,
    handle(request, response, admit) {
      const handler = handlers.get(request.url?.split('?', 1)[0] ?? '');
      if (handler === undefined) return false;
      const letGo = () => end(request);
      const values = createContextValues().set(visitKey, { admit, letGo });
      answer(handler, { request, response, values }).catch((err: unknown) => {
        // The other end has gone, or never was right: nobody is left to be told.
        log.debug({ event: 'grpc.unanswered', err }, 'a call ended without an answer');
        end(request);
      });
      return true;
    },
  };
}

async function answer(
  handler: UniversalHandler,
  {
    request,
    response,
    values,
  }: {
    readonly request: NodeRequest;
    readonly response: NodeResponse;
    readonly values: ReturnType<typeof createContextValues>;
  },
): Promise<void> {
  const asked = universalRequestFromNodeRequest(request, response, undefined, values);
  const answered = await handler(asked);
  const { body, trailer } = answered;
  const plain = body === undefined || trailer === undefined ? body : inPlainWords(body, trailer);
  await universalResponseToNodeResponse({ ...answered, ...(plain && { body: plain }) }, response);
}

/**
 * Says of what nobody can read that it is its caller's mistake, and writes what is said of an error as the protocol has it (gRPC over HTTP/2, "Percent-Encoded"): as it is, but for what is not
 * printable. Some clients read no more than that back.
 */
async function* inPlainWords(body: AsyncIterable<Uint8Array>, trailer: Headers): AsyncGenerator<Uint8Array> {
  yield* body;
  // What is ours has a number: without one it is a message that could not be read.
  const isUnreadable = trailer.get('grpc-status') === String(Code.Internal) && !trailer.has('error-code');
  if (isUnreadable) trailer.set('grpc-status', String(Code.InvalidArgument));
  const message = trailer.get('grpc-message');
  if (message === null) return;
  const encoded = decodeURIComponent(message).replace(/[^ -~]|%/gu, (each) => encodeURIComponent(each));
  trailer.set('grpc-message', encoded);
}

/** Ends a call by a code that clients know as "resource exhausted"; over HTTP/1 by hanging up. */
function end(request: NodeRequest): void {
  if ('stream' in request) request.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  else request.socket.destroy();
}

/** Whatever goes wrong is told by its code; what nobody foresaw is a line of the log. */
function inOurWords(log: Logger): Interceptor {
  return (next) => async (request) => {
    try {
      return await next(request);
    } catch (error) {
      const told = toConnectError(error);
      if (told.metadata.get('error-code') === '1000') {
        log.error({ event: 'grpc.failed', method: request.method.name, err: error }, 'a call failed');
      }
      throw told;
    }
  };
}
