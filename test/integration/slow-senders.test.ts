import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { openTestLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
let app: TestApp;

beforeAll(async () => {
  ledger = await openTestLedger();
  app = await startTestApp(ledger);
});

afterAll(async () => {
  await app.close();
  await ledger.close();
});

/** Connects, sends something and then a byte each second; gives back how long that was borne, in milliseconds. */
async function borneMs(begin: string, drip: string): Promise<number> {
  const startedMs = performance.now();
  const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  socket.write(begin);
  const dripping = setInterval(() => drip && socket.write(drip), 1000);
  await once(socket, 'close');
  clearInterval(dripping);
  return performance.now() - startedMs;
}

it('whoever says nothing, or drips headers, is let go; others are served meanwhile', async () => {
  const slow = Promise.all([
    borneMs('', ''),
    borneMs('POST /zoom-upload HTTP/1.1\r\nHost: localhost\r\nx-slow: ', 'x'),
  ]);

  expect((await app.get('/healthz')).status).toBe(200);
  // 15 s for the headers, and the look for those that take longer every 5 s.
  for (const ms of await slow) expect(ms).toBeLessThan(22_000);
}, 40_000);
