import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readText, send } from '../../src/lib/http.ts';
import { freePort } from '../support/free-port.ts';

const MIB = 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
const listeners: net.Server[] = [];

beforeAll(() => {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', ...kind, ...subject, ...files], { stdio: 'ignore' });
  // The clients trust what Node trusts, and have no setting for more.
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
});

afterEach(async () => {
  for (const listener of listeners.splice(0)) await new Promise((resolve) => listener.close(resolve));
});

afterAll(() => {
  delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  rmSync(folder, { recursive: true, force: true });
});

/** A service at the other end of a slow line: it reads a little, then nothing until it is told to read on. */
async function startSlowService(scheme: 'http' | 'https', answer?: string) {
  let readOn = (): void => {};
  let onClosed: (bytes: number) => void = () => {};
  const heardBytes = new Promise<number>((resolve) => {
    onClosed = resolve;
  });
  const listener = net.createServer((connection) => {
    let bytes = 0;
    let isSlow = true;
    connection.on('error', () => {});
    connection.on('close', () => onClosed(bytes));
    const plain = scheme === 'https' ? decrypted(connection) : connection;
    plain.on('error', () => {});
    plain.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (answer !== undefined) plain.write(answer);
      else if (isSlow) plain.pause();
    });
    readOn = () => {
      isSlow = false;
      plain.resume();
    };
  });
  listeners.push(listener);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  return { url: `${scheme}://127.0.0.1:${port}/`, heardBytes, readOn: () => readOn() };
}

function decrypted(connection: Socket): Duplex {
  return new tls.TLSSocket(connection, {
    isServer: true,
    key: readFileSync(join(folder, 'key.pem')),
    cert: readFileSync(join(folder, 'certificate.pem')),
  });
}

async function* chunksOf(bytes: number) {
  for (let sent = 0; sent < bytes; sent += 64 * 1024) yield Buffer.alloc(64 * 1024, 7);
}

const request = (url: string, signal: AbortSignal, chunks: AsyncIterable<Buffer>, idleTimeoutMs = 5000) => ({
  service: 'The service',
  method: 'POST',
  url,
  body: { bytes: 64 * MIB, chunks },
  signal,
  idleTimeoutMs,
});

describe.each(['http', 'https'] as const)('a request over %s that is given up', (scheme) => {
  it.each([
    ['by its caller', { abortsAfterBytes: 1.5 * MIB }],
    ['because nothing moves', { idleTimeoutMs: 300 }],
    ['because its source breaks', { breaksAfterBytes: 1.5 * MIB }],
  ] as const)('%s takes back what the kernel holds of it', async (_name, how) => {
    const service = await startSlowService(scheme);
    const caller = new AbortController();
    let sentBytes = 0;
    async function* source() {
      for await (const chunk of chunksOf(64 * MIB)) {
        if ('breaksAfterBytes' in how && sentBytes >= how.breaksAfterBytes)
          throw new Error('the disk is gone');
        if ('abortsAfterBytes' in how && sentBytes >= how.abortsAfterBytes)
          caller.abort(new Error('stopped'));
        sentBytes += chunk.length;
        yield chunk;
      }
    }

    const idleTimeoutMs = 'idleTimeoutMs' in how ? how.idleTimeoutMs : 5000;
    await expect(send(request(service.url, caller.signal, source(), idleTimeoutMs))).rejects.toThrow();
    service.readOn();

    expect(sentBytes).toBeGreaterThan(1.4 * MIB);
    expect(await service.heardBytes).toBeLessThan(sentBytes - MIB / 2);
  });

  it('because it is answered early is read to the end of the answer, and then broken off', async () => {
    const answer = 'HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\nno';
    const service = await startSlowService(scheme, answer);
    const asked = request(service.url, new AbortController().signal, chunksOf(64 * MIB));

    const response = await send(asked);
    const text = await readText(asked, response);

    expect([response.status, text]).toEqual([400, 'no']);
    expect(await service.heardBytes).toBeLessThan(64 * MIB);
  });

  it('and cannot be connected at all says so', async () => {
    const url = `${scheme}://127.0.0.1:${await freePort()}/`;

    await expect(send(request(url, new AbortController().signal, chunksOf(64 * MIB)))).rejects.toMatchObject({
      code: 'REMOTE_UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe.each(['http', 'https'] as const)('a body over %s that leaves slowly', (scheme) => {
  it('is told of by what has left, also in the middle of a chunk', async () => {
    const service = await startSlowService(scheme);
    const caller = new AbortController();
    const told: number[] = [];
    async function* oneChunk() {
      yield Buffer.alloc(32 * MIB, 7);
    }
    const body = { bytes: 32 * MIB, chunks: oneChunk(), onSent: (bytes: number) => void told.push(bytes) };
    const sending = send({ ...request(service.url, caller.signal, oneChunk()), body }).catch(() => {});
    await expect.poll(() => told[0], { timeout: 5000 }).toBeGreaterThan(0);
    expect(told[0]).toBeLessThan(32 * MIB);

    service.readOn();
    await expect.poll(() => told.at(-1), { timeout: 5000 }).toBe(32 * MIB);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    caller.abort(new Error('seen'));
    await sending;
  });
});
