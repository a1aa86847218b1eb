import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Simulator, startSimulator } from '../../simulators/shared/simulator.ts';

const BODY_BYTES = 400_000;

let carriedOut: number[] = [];
let service: Simulator;

beforeEach(async () => {
  carriedOut = [];
  service = await startSimulator({}, async (request) => {
    const { length } = await request.bytes();
    if (length !== BODY_BYTES) return { status: 400 };
    carriedOut.push(length);
    return { status: 200, body: {} };
  });
});

afterEach(() => service.close());

/** A client that has handed this much of its request's body to the kernel. */
async function clientWith(bytes: number): Promise<Socket> {
  const client = net.connect(Number(new URL(service.url).port), '127.0.0.1');
  client.on('error', () => {});
  await once(client, 'connect');
  client.write(`POST /thing HTTP/1.1\r\nhost: here\r\ncontent-length: ${BODY_BYTES}\r\n\r\n`);
  await new Promise((resolve) => client.write(Buffer.alloc(bytes, 7), resolve));
  return client;
}

const isOver = () => vi.waitFor(() => expect(service.requests).toHaveLength(1), { timeout: 10_000 });

describe('a simulated service', () => {
  it('carries out what its client has sent to the end and closed, however slow the line is', async () => {
    service.link.bytesPerSecond = 400_000;
    const client = await clientWith(BODY_BYTES);

    client.destroy();
    await isOver();

    expect(carriedOut).toEqual([BODY_BYTES]);
  });

  it('that is killed carries out nothing that was under way, lets nobody in, and is there again when it is started', async () => {
    const client = await clientWith(BODY_BYTES - 1);
    const isClosed = new Promise((resolve) => client.once('close', resolve));
    const isUnderWay = async () =>
      ((await (await fetch(`${service.url}/__sim/open`)).json()) as { open: number }).open === 1;
    await vi.waitFor(async () => expect(await isUnderWay()).toBe(true), { timeout: 10_000 });
    await service.kill();
    await isClosed;
    await isOver();
    expect(carriedOut).toEqual([]);
    const ask = () => fetch(`${service.url}/thing`, { method: 'POST', body: Buffer.alloc(BODY_BYTES) });
    await expect(ask()).rejects.toThrow();

    await service.start();
    expect((await ask()).status).toBe(200);
    expect(carriedOut).toEqual([BODY_BYTES]);
  });

  it.each([
    ['reset while its bytes wait in a kernel', BODY_BYTES, (client: Socket) => client.resetAndDestroy()],
    ['closed in the middle', BODY_BYTES - 1, (client: Socket) => client.destroy()],
    ['reset in the middle', BODY_BYTES - 1, (client: Socket) => client.resetAndDestroy()],
  ] as const)('does not carry out what its client has %s', async (_name, bytes, giveUp) => {
    service.link.bytesPerSecond = 400_000;
    const client = await clientWith(bytes);

    giveUp(client);
    await isOver();

    expect(carriedOut).toEqual([]);
  });

  it.each([
    ['closed', (client: Socket) => client.destroy()],
    ['reset', (client: Socket) => client.resetAndDestroy()],
  ] as const)('carries out late what it has all of, though its client has %s', async (_name, giveUp) => {
    service.fail({ on: 'POST /thing', lateMs: 300 });
    const client = await clientWith(BODY_BYTES);
    await new Promise((resolve) => setTimeout(resolve, 100));
    giveUp(client);
    expect(carriedOut).toEqual([]);

    await isOver();

    expect(carriedOut).toEqual([BODY_BYTES]);
  });

  it('does not carry out late what its client took back before all of it had come', async () => {
    service.fail({ on: 'POST /thing', lateMs: 10 });
    const client = await clientWith(BODY_BYTES - 1);

    client.resetAndDestroy();
    await isOver();

    expect(carriedOut).toEqual([]);
  });
});
