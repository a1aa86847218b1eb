import { mkdtemp, realpath, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Logger, pino } from 'pino';
import { createUploadDesk } from '../../src/desk/uploads.ts';
import { aceKey } from '../../src/domain/ids.ts';
import { createDisk } from '../../src/lib/disk.ts';
import type { MediaGate } from '../../src/lib/media-gate.ts';
import { openWholeLedger, type WholeLedger } from '../../src/outside/whole-ledger.ts';
import { createHandOff } from '../../src/tus/hand-off.ts';
import { createTusServer, type TusServerOptions } from '../../src/tus/tus-server.ts';
import { createUploadCounts, type UploadCounts } from '../../src/tus/upload-counts.ts';
import { type UploadPaths, uploadPaths } from '../../src/tus/upload-paths.ts';
import type { UploadLimits } from '../../src/tus/upload-quota.ts';

/** The body of `POST /manual-upload`. */
export interface HandOffBody {
  readonly ace_id: string;
  readonly upload_id: string;
  readonly path: string;
  readonly size: number;
  readonly title?: string;
  readonly filename?: string;
  readonly filetype?: string;
}

/** How the pipeline answers: a status of its own, or undefined for taking the recording into the ledger. */
export type PipelineAnswer = (
  body: HandOffBody,
  attempt: number,
) => { readonly status: number; readonly text?: string } | undefined;

export interface Pipeline {
  readonly url: string;
  /** Everything that was posted, in order. */
  readonly posts: HandOffBody[];
  answer: PipelineAnswer;
  stop(): Promise<void>;
}

/** Starts a small pipeline: it takes what it is told of into the ledger, unless `answer` says otherwise. */
export async function startPipeline(ledger: Pick<WholeLedger, 'recordings'>): Promise<Pipeline> {
  const pipeline = { url: '', posts: [] as HandOffBody[], answer: (() => undefined) as PipelineAnswer };
  const answering = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const work = answer(request, response)
      .catch(() => void response.destroy())
      .finally(() => answering.delete(work));
    answering.add(work);
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as HandOffBody;
    pipeline.posts.push(body);
    const own = pipeline.answer(body, pipeline.posts.filter((p) => p.upload_id === body.upload_id).length);
    const isRight = request.method === 'POST' && request.url === '/manual-upload';
    if (own !== undefined || !isRight) {
      response.writeHead(own?.status ?? 404).end(own?.text ?? '');
      return;
    }
    const { id, state, isDuplicate } = await acceptFile(ledger, body.ace_id, body.path);
    response.writeHead(202, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ id, state, duplicate: isDuplicate }));
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(pipeline, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      await Promise.all(answering);
      server.close();
      server.closeAllConnections();
    },
  });
}

/** Takes a file into the ledger as the pipeline would. */
export async function acceptFile(ledger: Pick<WholeLedger, 'recordings'>, aceId: string, path: string) {
  const { size, mtimeMs } = await stat(path);
  return await ledger.recordings.accept({
    source: 'manual',
    naturalKey: aceKey(aceId),
    aceId,
    title: aceId,
    origin: { kind: 'file', path, bytes: size, modifiedAtMs: mtimeMs, keep: false },
    details: {},
  });
}

/** Lets a recording fail for good, as a worker would. */
export async function failRecording(ledger: WholeLedger, recordingId: string): Promise<void> {
  const lease = await ledger.gate.acquire({ recordingId, holder: 'test', onLost: () => {} });
  if (lease === undefined) throw new Error('the gate is taken');
  const error = { code: 'NOT_MEDIA', message: 'not media' } as const;
  const announcement = { recordingId, type: 'recording.failed', body: '{}' };
  await ledger.moves.fail(recordingId, error, announcement, lease.fence);
  await lease.release();
}

export interface TusWorld {
  readonly dataDir: string;
  readonly paths: UploadPaths;
  readonly ledger: WholeLedger;
  readonly pipeline: Pipeline;
  /** Log lines written so far, parsed. */
  readonly logLines: Record<string, unknown>[];
  readonly log: Logger;
  /** The tus endpoint. */
  readonly url: string;
  /** What the server that runs has counted. */
  readonly counts: UploadCounts;
  /** Stops the tus server and its handoffs, and starts them again on the same folders and port. */
  restart(): Promise<void>;
  stopTus(): Promise<void>;
  startTus(): Promise<void>;
  stop(): Promise<void>;
}

export type TusWorldOptions = Partial<
  Pick<
    TusServerOptions,
    | 'maxBytes'
    | 'expiresAfterMs'
    | 'idleTimeoutMs'
    | 'lockDrainTimeoutMs'
    | 'desk'
    | 'tokenSecrets'
    | 'allowedOrigins'
    | 'trustsProxy'
    | 'media'
  >
> & { readonly limits?: Partial<UploadLimits>; readonly isStarted?: boolean };

const MP4 = { mime: 'video/mp4', extension: 'mp4' };

/** Takes whatever comes for a film. */
const ANYTHING: MediaGate = {
  look: async () => ({ kind: 'media', media: MP4 }),
  typeOf: async () => MP4,
};

/** Everybody on this machine may upload anything, as often as they like. */
export const UNGUARDED = {
  tokenSecrets: [],
  allowedOrigins: [],
  trustsProxy: false,
  limits: { maxOpen: 1000, maxOpenPerAceId: 1000, maxOpenPerAddress: 1000, maxNewPerMinute: 1000 },
  media: ANYTHING,
} as const satisfies Partial<TusServerOptions>;

/** A tus server on a free port, with a folder, a ledger and a pipeline of its own. */
export async function startTusWorld(options: TusWorldOptions = {}): Promise<TusWorld> {
  const dataDir = await realpath(await mkdtemp(join(tmpdir(), 'sluice-tus-')));
  const ledger = await openWholeLedger({ address: join(dataDir, 'ledger.db'), leaseMs: 5000 });
  const desk = createUploadDesk(ledger);
  const pipeline = await startPipeline(ledger);
  const paths = uploadPaths(join(dataDir, 'uploads'), join(dataDir, 'incoming'));
  const logLines: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => logLines.push(JSON.parse(line)) });
  let port = 0;
  let counts = createUploadCounts();
  let stopRunning: (() => Promise<void>) | undefined;

  async function startTus(): Promise<void> {
    const handOff = createHandOff({
      paths,
      pipelineUrl: pipeline.url,
      desk,
      log,
      retry: { attempts: Number.POSITIVE_INFINITY, minMs: 5, maxMs: 50 },
    });
    const tus = createTusServer({
      tokenSecrets: options.tokenSecrets ?? UNGUARDED.tokenSecrets,
      allowedOrigins: options.allowedOrigins ?? UNGUARDED.allowedOrigins,
      trustsProxy: options.trustsProxy ?? UNGUARDED.trustsProxy,
      limits: { ...UNGUARDED.limits, ...options.limits },
      media: options.media ?? UNGUARDED.media,
      directory: paths.uploads,
      incomingDirectory: paths.incoming,
      maxBytes: options.maxBytes ?? 64 * 1024 * 1024,
      disk: createDisk(dataDir, 0),
      promisedBytes: async () => 0,
      expiresAfterMs: options.expiresAfterMs ?? 3_600_000,
      idleTimeoutMs: options.idleTimeoutMs ?? 30_000,
      lockDrainTimeoutMs: options.lockDrainTimeoutMs ?? 100,
      desk: options.desk ?? desk,
      handOff,
      log,
    });
    stopRunning = async () => {
      await tus.stop(5000);
      await handOff.stop();
    };
    ({ counts } = tus);
    ({ port } = await tus.start({ host: '127.0.0.1', port }));
  }

  async function stopTus(): Promise<void> {
    await stopRunning?.();
    stopRunning = undefined;
  }

  if (options.isStarted !== false) await startTus();
  return {
    dataDir,
    paths,
    ledger,
    pipeline,
    logLines,
    log,
    get url() {
      return `http://127.0.0.1:${port}/tusupload`;
    },
    get counts() {
      return counts;
    },
    startTus,
    stopTus,
    async restart() {
      await stopTus();
      await startTus();
    },
    async stop() {
      await stopTus();
      await pipeline.stop();
      await ledger.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
