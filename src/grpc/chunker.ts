import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import type { PieceNews, Pieces } from '../desk/pieces.ts';
import { KnownError } from '../domain/errors.ts';
import { toConnectError } from './errors.ts';
import { requireCaller, visitKey } from './gate.ts';
import { ChunkEvent_Kind, type ChunkEventSchema, type Chunker } from './stubs/sluice/v1/chunker_pb.ts';

/** So many follow runs at once. */
const MOST_STREAMS = 100;

/** How long a reader may leave an event lying before it is let go, in milliseconds. */
const SLOW_READER_MS = 30_000;

/** The service `Chunker`: what happens in a run that cuts a recording into pieces. */
export function createChunker({
  pieces,
  slowReaderMs = SLOW_READER_MS,
}: {
  readonly pieces: Pieces;
  readonly slowReaderMs?: number;
}): ServiceImpl<typeof Chunker> {
  let streams = 0;
  return {
    async *streamChunkPipeline({ runId }, context) {
      requireCaller(context);
      if (streams >= MOST_STREAMS) {
        throw new KnownError(`${MOST_STREAMS} callers are listening already`, { code: 'TOO_MANY_LISTENERS' });
      }
      streams += 1;
      const reader = watchReader(() => context.values.get(visitKey)?.letGo(), slowReaderMs);
      let number = 0;
      try {
        for await (const news of pieces.follow(runId, context.signal)) {
          number += 1;
          reader.given();
          yield { ...eventOf(news), number: BigInt(number) };
          reader.taken();
        }
      } catch (error) {
        throw toConnectError(error);
      } finally {
        reader.taken();
        streams -= 1;
      }
    },
  };
}

/** Lets a reader go that does not take what it is given. */
function watchReader(letGo: () => void, withinMs: number) {
  let timer: NodeJS.Timeout | undefined;
  return {
    given() {
      timer = setTimeout(letGo, withinMs);
    },
    taken() {
      clearTimeout(timer);
    },
  };
}

function eventOf(news: PieceNews): MessageInitShape<typeof ChunkEventSchema> {
  const atMs = BigInt(news.atMs);
  switch (news.kind) {
    case 'queued':
      return { kind: ChunkEvent_Kind.QUEUED, atMs };
    case 'processing': {
      const { step, progress } = news;
      return {
        ...{ kind: ChunkEvent_Kind.PROCESSING, atMs, step },
        ...(progress === undefined ? {} : { progress: { done: progress.doneS, total: progress.totalS } }),
      };
    }
    case 'piece': {
      const { step, piece } = news;
      return {
        ...{ kind: ChunkEvent_Kind.DONE, atMs, step },
        piece: { ...piece, address: piece.address ?? '', bytes: BigInt(piece.bytes) },
      };
    }
    case 'error': {
      const { step = '', code, message } = news;
      return { kind: ChunkEvent_Kind.ERROR, atMs, step, failure: { code, message } };
    }
    case 'done':
      return { kind: ChunkEvent_Kind.DONE, atMs };
  }
}
