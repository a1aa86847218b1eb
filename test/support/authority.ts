import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A certificate that an authority has signed, and the files that it lies in. */
export interface Signed {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate authority of one test alone, whose files lie in a folder. */
export async function openAuthority(folder: string, name: string) {
  const at = (file: string) => join(folder, `${name}-${file}`);
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args);
  await openssl(
    ...['req', '-x509', ...NEW_KEY, '-days', '2', '-subj', `/CN=${name}`],
    ...['-keyout', at('ca.key'), '-out', at('ca.pem')],
  );
  await writeFile(at('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  return {
    caFile: at('ca.pem'),
    ca: await readFile(at('ca.pem')),
    async sign(commonName: string): Promise<Signed> {
      const [keyFile, csr, certFile] = ['key', 'csr', 'pem'].map((end) => at(`${commonName}.${end}`)) as [
        string,
        string,
        string,
      ];
      await openssl('req', ...NEW_KEY, '-subj', `/CN=${commonName}`, '-keyout', keyFile, '-out', csr);
      await openssl(
        ...['x509', '-req', '-in', csr, '-days', '2', '-extfile', at('names'), '-CA', at('ca.pem')],
        ...['-CAkey', at('ca.key'), '-CAcreateserial', '-out', certFile],
      );
      return { certFile, keyFile, cert: await readFile(certFile), key: await readFile(keyFile) };
    },
  };
}
