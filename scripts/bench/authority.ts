import { readFile, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { join } from 'node:path';
import type { BenchContext } from './bench.ts';
import { runProgram } from './programs.ts';
import { makeFolder } from './sluice.ts';

/** A certificate authority of one bench alone, with one certificate for all servers at 127.0.0.1. */
export interface Authority {
  /** What has programs trust it, as environment variables: Node.js, curl, and those in Go such as rclone. */
  readonly environment: Readonly<Record<string, string>>;
  /** Of the servers, in PEM. */
  readonly tls: { readonly cert: string; readonly key: string };
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes one with openssl, and has this process trust it; the bench's end removes it. */
export async function makeAuthority(context: Pick<BenchContext, 'defer' | 'signal'>): Promise<Authority> {
  const folder = await makeFolder(context);
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => runProgram('openssl', args, context.signal);
  await openssl(
    ...['req', '-x509', ...NEW_KEY, '-days', '2', '-subj', '/CN=Sluice bench authority'],
    ...['-keyout', at('ca.key'), '-out', at('ca.pem')],
  );
  await openssl(
    ...['req', ...NEW_KEY, '-subj', '/CN=127.0.0.1', '-keyout', at('server.key'), '-out', at('server.csr')],
  );
  await writeFile(at('names'), 'subjectAltName=IP:127.0.0.1\n');
  await openssl(
    ...['x509', '-req', '-in', at('server.csr'), '-days', '2', '-extfile', at('names')],
    ...['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-out', at('server.pem')],
  );
  const read = (name: string) => readFile(at(name), 'utf8');
  const { options } = https.globalAgent;
  options.ca = await read('ca.pem');
  context.defer(() => delete options.ca);
  return {
    environment: {
      NODE_EXTRA_CA_CERTS: at('ca.pem'),
      CURL_CA_BUNDLE: at('ca.pem'),
      SSL_CERT_FILE: at('ca.pem'),
    },
    tls: { cert: await read('server.pem'), key: await read('server.key') },
  };
}
