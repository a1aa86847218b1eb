import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { KnownError } from '../domain/errors.ts';
import type { Gate } from '../grpc/gate.ts';
import type { Services } from '../grpc/handler.ts';
import { createGrpcServer, type ServerTls } from '../grpc/server.ts';
import { listening } from '../lib/listen-failure.ts';

/** Opens the port at which programs speak gRPC; `undefined`: there is none. */
export async function startGrpc(
  config: Config['grpc'],
  parts: { readonly services: Services; readonly gate: Gate; readonly log: Logger },
) {
  if (config === undefined) return undefined;
  const { host, port } = config;
  const server = createGrpcServer({ ...parts, host, port, tls: await readTls(config.tls) });
  await listening(server.listen(), { host, port, hostSetting: 'GRPC_HOST', portSetting: 'GRPC_PORT' });
  parts.log.info({ event: 'grpc.listening', host, port, tls: config.tls !== undefined }, 'gRPC is spoken');
  return server;
}

/** @throws KnownError `CONFIG_INVALID` for files that are not there, or not what they have to be */
async function readTls(files: NonNullable<Config['grpc']>['tls']): Promise<ServerTls | undefined> {
  if (files === undefined) return undefined;
  const [cert, key, clientCa] = await Promise.all([
    readPem('GRPC_CERT', files.certFile),
    readPem('GRPC_KEY', files.keyFile),
    files.clientCaFile === undefined ? undefined : readPem('GRPC_CLIENT_CA', files.clientCaFile),
  ]);
  try {
    createSecureContext({ cert, key, ...(clientCa === undefined ? {} : { ca: clientCa }) });
  } catch (error) {
    throw unusable('GRPC_CERT and GRPC_KEY', error);
  }
  return { cert, key, clientCa };
}

async function readPem(setting: string, path: string): Promise<Buffer> {
  try {
    const text = await readFile(path);
    if (text.includes('-----BEGIN ')) return text;
    throw new Error('there is no PEM in it');
  } catch (error) {
    throw unusable(setting, error);
  }
}

function unusable(setting: string, error: unknown): KnownError {
  const why = error instanceof Error ? error.message : String(error);
  return new KnownError(`Some settings are wrong:\n  ${setting}: cannot be used (${why})`, {
    code: 'CONFIG_INVALID',
    cause: error,
  });
}
