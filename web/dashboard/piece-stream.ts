import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import {
  type ChunkEvent,
  Chunker,
  ChunkEvent_Kind as Kind,
} from '../../src/grpc/stubs/sluice/v1/chunker_pb.ts';

/** One piece of a recording, as it was told of. */
export interface Piece {
  readonly index: number;
  readonly startS: number;
  readonly endS: number;
  readonly key: string;
  readonly address: string;
  readonly bytes: number;
  readonly atMs: number;
}

/** How a run stands that cuts a recording into pieces. */
export interface Pieces {
  readonly state: 'waits' | 'cutting' | 'done' | 'failed';
  readonly pieces: readonly Piece[];
  /** In seconds of the film. */
  readonly progress: { readonly doneS: number; readonly totalS: number } | undefined;
  /** What it has met last. */
  readonly error: string | undefined;
  readonly isOver: boolean;
}

const NOTHING_YET: Pieces = {
  state: 'waits',
  pieces: [],
  progress: undefined,
  error: undefined,
  isOver: false,
};

/** What is known once one more thing was told. */
function after(now: Pieces, { kind, piece, progress, failure, atMs }: ChunkEvent): Pieces {
  switch (kind) {
    case Kind.QUEUED:
      return { ...now, state: 'waits' };
    case Kind.PROCESSING: {
      if (progress !== undefined) {
        return { ...now, state: 'cutting', progress: { doneS: progress.done, totalS: progress.total } };
      }
      // What an attempt before has made is made anew.
      return { ...now, state: 'cutting', pieces: [], error: undefined };
    }
    case Kind.DONE: {
      if (piece === undefined) return { ...now, state: 'done', progress: undefined, error: undefined };
      const { index, startS, endS, key, address, bytes } = piece;
      const own = { index, startS, endS, key, address, bytes: Number(bytes), atMs: Number(atMs) };
      return { ...now, pieces: [...now.pieces, own] };
    }
    case Kind.ERROR:
      return { ...now, state: 'failed', error: failure?.message ?? '', progress: undefined };
    default:
      return now;
  }
}

/** Tells how a run stands, from its beginning to its end. @throws ConnectError */
export async function followPieces(
  runId: string,
  { signal, tell }: { readonly signal: AbortSignal; readonly tell: (now: Pieces) => void },
): Promise<void> {
  const client = createClient(Chunker, createGrpcWebTransport({ baseUrl: location.origin }));
  let now = NOTHING_YET;
  for await (const event of client.streamChunkPipeline({ runId }, { signal })) {
    now = after(now, event);
    tell(now);
  }
  tell({ ...now, isOver: true });
}

/** Whether asking again may help: the connection was lost, or the server is busy. */
export function mayHeal(error: unknown): boolean {
  return [Code.Unavailable, Code.Unknown, Code.Internal, Code.ResourceExhausted, Code.Aborted].includes(
    ConnectError.from(error).code,
  );
}

export function messageOf(error: unknown): string {
  return ConnectError.from(error).rawMessage;
}
