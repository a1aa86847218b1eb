import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { systemEnvironment } from '../support/processes.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function take(): Promise<number> {
  const port = await freePort();
  const server = createServer().listen(port, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return port;
}

async function simulators(...args: string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'simulators/main.ts', ...args], {
    cwd: CHECKOUT,
    env: systemEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const [exitCode] = await once(child, 'close');
  return { exitCode, stderr };
}

describe('npm run simulators', () => {
  it('names all ports that are taken, and the options that choose others, as they are typed', async () => {
    const [zoom, cdn, bunny] = [await take(), await freePort(), await take()];
    const ports = { zoom, cdn, b2: await freePort(), bunny, site: await freePort() };
    const options = Object.entries(ports).flatMap(([name, port]) => [`--port-${name}`, String(port)]);

    expect(await simulators(...options)).toEqual({
      exitCode: 1,
      stderr: `The ports ${zoom}, ${bunny} are taken, perhaps by simulators that run already. Stop what has them, or choose others: npm run simulators -- --port-zoom N --port-bunny N\n`,
    });
  });
});
