import { createSecureServer, createServer, type Http2Server, type Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { Holder } from '../domain/access.ts';
import type { Caller, Gate } from './gate.ts';
import type { NodeRequest, NodeResponse, Services } from './handler.ts';

/** What a server that speaks TLS shows, in PEM. */
export interface ServerTls {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Whose certificates clients have to present; `undefined`: they present none. */
  readonly clientCa: Buffer | undefined;
}

export interface GrpcServerOptions {
  readonly host: string;
  readonly port: number;
  /** `undefined`: it speaks in clear. */
  readonly tls: ServerTls | undefined;
  readonly services: Services;
  readonly gate: Gate;
  readonly log: Logger;
}

/** How long calls that are under way have to end once the door closes, in milliseconds. */
const CLOSING_MS = 2000;

/** Of one connection at a time. */
const MOST_STREAMS = 100;

/** How long a connection that says nothing is kept, in milliseconds. */
const IDLE_MS = 10 * 60_000;

/** How long a connection is silent before its other end is asked whether it is still there, in milliseconds. */
const ASK_AFTER_MS = 60_000;

/**
 * A port of its own for programs: gRPC, in clear or by TLS, where gRPC-Web and Connect are spoken too. A client that has presented a
 * certificate of the authority that is asked for is an operator by that.
 */
export function createGrpcServer({ host, port, tls, services, gate, log }: GrpcServerOptions) {
  const sessions = new Set<Http2Session>();
  const server = openServer(tls);
  server.on('connection', (socket) => socket.setKeepAlive(true, ASK_AFTER_MS));
  server.on('session', (session) => {
    sessions.add(session);
    session.setTimeout(IDLE_MS, () => session.close());
    session.on('error', (err) => log.debug({ event: 'grpc.session', err }, 'a connection ended'));
    session.on('close', () => sessions.delete(session));
  });
  server.on('sessionError', (err) => log.debug({ event: 'grpc.session', err }, 'a connection ended'));
  server.on('request', (request: NodeRequest, response: NodeResponse) => {
    request.on('error', () => {});
    response.on('error', () => {});
    if (services.handle(request, response, () => admit(request))) return;
    refuseUnknown(request, response);
  });

  function admit(request: NodeRequest): Caller {
    const socket = ('stream' in request ? request.stream.session?.socket : request.socket) as Socket;
    const holder = tls?.clientCa === undefined ? undefined : certified(socket);
    const { headers, httpVersion } = request;
    const call = {
      headers: { ...headers, host: headers.host ?? headers[':authority']?.toString() },
      socket,
      httpVersion,
    };
    return gate.admit(call, holder);
  }

  return {
    listen: () =>
      new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => {
          server.off('error', reject);
          server.on('error', (err) => log.error({ event: 'grpc.server', err }, 'the gRPC door'));
          resolve();
        });
      }),
    address: () => server.address(),
    /** No new calls; those under way have a moment to end. */
    async stop(): Promise<void> {
      services.endHealth();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.close();
      const timer = setTimeout(() => {
        for (const session of sessions) session.destroy();
      }, CLOSING_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

function openServer(tls: ServerTls | undefined): Http2Server {
  const settings = { settings: { maxConcurrentStreams: MOST_STREAMS } };
  if (tls === undefined) return createServer(settings);
  const { cert, key, clientCa: ca } = tls;
  const asked = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  return createSecureServer({ ...settings, cert, key, ...asked, allowHTTP1: true, minVersion: 'TLSv1.2' });
}

/** Whoever has presented a certificate of the right authority, which the handshake has looked at. */
function certified(socket: Socket): Holder | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { CN } = socket.getPeerCertificate().subject ?? {};
  const name = (Array.isArray(CN) ? CN[0] : CN) ?? '';
  return { name: `certificate ${name.slice(0, 60)}`.trim(), role: 'operator' };
}

/** Of what gRPC asks for and is not there it is told in its own way. */
function refuseUnknown(request: NodeRequest, response: NodeResponse): void {
  const isGrpc = /^application\/grpc(\+|;|$)/.test(String(request.headers['content-type'] ?? ''));
  if (isGrpc && 'stream' in response) {
    response.stream.respond(
      {
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-status': '12',
        'grpc-message': 'There is no such method here',
      },
      { endStream: true },
    );
    return;
  }
  response.statusCode = 404;
  response.end();
}
