import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance, InjectOptions } from 'fastify';
import Sqlite from 'libsql';
import { pino } from 'pino';
import { createUploadDesk } from '../../src/desk/uploads.ts';
import { ERROR_CATALOGUE } from '../../src/domain/error-catalogue.ts';
import { graphqlRoutes } from '../../src/graphql/routes.ts';
import { createServices } from '../../src/grpc/handler.ts';
import { createGrpcServer } from '../../src/grpc/server.ts';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { statusOf } from '../../src/server/problem.ts';
import { createTusServer } from '../../src/tus/tus-server.ts';
import { createDoors, createTestDesk } from '../../test/support/doors.ts';

export const UPLOAD_SECRET = 'a secret of the website, 32 bytes and more';

const SAMPLE = join(import.meta.dirname, '../../test/fixtures/sample.mp4');
const MANY = { burst: 1e9, perSecond: 1e9 };

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** How a call of gRPC has ended. */
export interface GrpcReply {
  readonly status: number;
  readonly message: string;
  /** Of the trailer `error-code`. */
  readonly number: string | undefined;
}

export type FuzzWorld = Awaited<ReturnType<typeof openFuzzWorld>>;

/** All doors in this process: the pipeline's without sockets, the tus server's with them, over one ledger. */
export async function openFuzzWorld() {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-fuzz-'));
  const dataDir = join(folder, 'data');
  await mkdir(dataDir);
  const video = join(folder, 'lesson.mp4');
  await copyFile(SAMPLE, video);
  const ledgerPath = join(dataDir, 'ledger.db');
  const ledger = await openWholeLedger({ address: ledgerPath, leaseMs: 5000 });
  const reader = new Sqlite(ledgerPath);
  // Each change of a recording adds an event; what else there is grows, or is a switch.
  const tables = reader
    .prepare("select name from sqlite_master where type = 'table' and name not in ('audit', 'switches')")
    .all() as { name: string }[];
  const counts = reader.prepare(
    `select ${tables.map(({ name }) => `(select count(*) from "${name}") as "${name}"`).join(', ')},
      (select group_concat(s.name || '=' || s.value) from switches s) as switched`,
  );

  /** What nobody foresaw, from logs and from promises that nobody waited for. */
  const bugs: string[] = [];
  const log = pino({ level: 'error' }, { write: (line: string) => void bugs.push(line) });
  const onRejection = (error: unknown) =>
    bugs.push(`unhandled: ${error instanceof Error ? error.stack : error}`);
  process.on('unhandledRejection', onRejection);

  const line = { poke() {}, reconcile() {}, hurry() {} };
  const app = await createDoors({
    ledger,
    line,
    installation: { version: '0.0.0', dataDir, diskReserveBytes: 1, serviceNames: [] },
    operators: { adminToken: 'an admin token of the operators' },
    wingsOf: (desk) => [
      graphqlRoutes({
        library: desk.library,
        players: desk.players,
        query: desk.query,
        presets: desk.control.presets,
        version: '0.0.0',
        statusOf,
      }),
    ],
    limits: { webhook: MANY, operator: MANY, viewer: MANY, nothing: MANY },
    log,
  });
  await app.ready();

  const uploads = join(dataDir, 'uploads');
  const tus = createTusServer({
    tokenSecrets: [UPLOAD_SECRET],
    allowedOrigins: ['https://academy.example'],
    trustsProxy: true,
    limits: { maxOpen: 50, maxOpenPerAceId: 50, maxOpenPerAddress: 50, maxNewPerMinute: 1e9 },
    media: {
      look: async () => ({ kind: 'unsure' }),
      typeOf: async () => ({ mime: 'video/mp4', extension: 'mp4' }),
    },
    directory: uploads,
    incomingDirectory: join(dataDir, 'incoming'),
    maxBytes: 1e6,
    disk: { usableBytes: async () => 1e12 },
    promisedBytes: async () => 0,
    expiresAfterMs: 3_600_000,
    idleTimeoutMs: 2000,
    lockDrainTimeoutMs: 50,
    desk: createUploadDesk(ledger),
    handOff: { add: () => {} },
    log,
  });
  const { port } = await tus.start({ host: '127.0.0.1', port: 0 });

  const { desk } = await createTestDesk({ ledger, line, log });
  const grpc = createGrpcServer({
    ...{ host: '127.0.0.1', port: 0, tls: undefined, gate: app.doorkeeper, log },
    services: createServices({ ...desk, buckets: { input: undefined, output: undefined }, log }),
  });
  await grpc.listen();
  const { port: grpcPort } = grpc.address() as AddressInfo;
  let session = connectHttp2(`http://127.0.0.1:${grpcPort}`);

  return {
    folder,
    video,
    tusPort: port,
    bugs,

    /** A request as it reaches the pipeline server, from this machine unless told otherwise. */
    ask: (request: InjectOptions) => ask(app, request),

    /** A call of gRPC with these bytes for a body. */
    async callGrpc(path: string, body: Uint8Array, headers: object = {}): Promise<GrpcReply> {
      if (session.closed || session.destroyed) session = connectHttp2(`http://127.0.0.1:${grpcPort}`);
      return await callOver(session, path, body, headers);
    },

    /** Differs after every change of the ledger but those of the trail of who has asked for what, which notes refusals. */
    ledgerVersion: () => JSON.stringify(counts.raw().get()),

    /** Names and contents of what the tus server keeps. */
    async uploads(): Promise<string> {
      const names = (await readdir(uploads)).sort();
      const contents = await Promise.all(names.map((name) => readFile(join(uploads, name), 'latin1')));
      return JSON.stringify(names.map((name, index) => [name, contents[index]]));
    },

    async close() {
      process.off('unhandledRejection', onRejection);
      session.destroy();
      await grpc.stop();
      await app.close();
      await tus.stop(5000);
      reader.close();
      await ledger.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function ask(app: FastifyInstance, request: InjectOptions): Promise<Reply> {
  const { statusCode, headers, payload } = await app.inject({ remoteAddress: '127.0.0.1', ...request });
  return { status: statusCode, type: String(headers['content-type'] ?? ''), text: payload };
}

function callOver(
  session: ClientHttp2Session,
  path: string,
  body: Uint8Array,
  headers: object,
): Promise<GrpcReply> {
  return new Promise((resolve, reject) => {
    const call = session.request({
      ...{ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' },
      ...headers,
    });
    let ending: Record<string, unknown> = {};
    let http = 0;
    call.on('response', (answered) => {
      http = Number(answered[':status']);
      if (answered['grpc-status'] !== undefined) ending = answered;
    });
    call.on('trailers', (trailers) => {
      ending = trailers;
    });
    call.on('error', reject);
    call.on('close', () => {
      const status = ending['grpc-status'];
      const number = ending['error-code'];
      if (status === undefined && http === 200) return reject(new Error('ended without a status'));
      resolve({
        // What is not gRPC at all is refused as HTTP does.
        status: status === undefined ? 12 : Number(status),
        message: String(ending['grpc-message'] ?? (status === undefined ? http : '')),
        number: number === undefined ? undefined : String(number),
      });
    });
    call.resume();
    call.end(body);
  });
}

/** Fails unless the answer is none of success or a refusal that programs and people can read. @throws Error */
export function requireDecent({ status, type, text }: Reply): void {
  if (status < 400) return;
  const problem = type.startsWith('application/problem+json') ? JSON.parse(text) : undefined;
  if (problem === undefined) throw new Error(`${status} without a problem document: ${text.slice(0, 200)}`);
  const { code, title, detail, advice } = problem;
  const isKnown = typeof code === 'string' && Object.hasOwn(ERROR_CATALOGUE, code);
  if (!isKnown || problem.status !== status || !title || !detail || !advice) {
    throw new Error(`${status} with an odd problem document: ${text.slice(0, 500)}`);
  }
  // 501: parts of tus that are not offered.
  if (status >= 500 && status !== 501 && code !== 'TOO_BUSY') throw new Error(`${status} ${code}: ${detail}`);
}
