import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Attack, AttackStage, Outcome } from './attack.ts';
import { onlyStatuses } from './attack.ts';
import type { AttackHouse } from './house.ts';
import { send } from './request.ts';

/** How soon a caller has to be answered while others do their worst. */
const ANSWER_MS = 3000;

const CONNECTIONS = { quick: 2000, full: 10_000 };

/** Opens connections from many addresses of this machine and says the same on each; resolves when all are open or refused. */
async function flood(port: number, count: number, text: (n: number) => string) {
  const sockets: Socket[] = [];
  let closed = 0;
  for (let n = 0; n < count; n += 250) {
    await Promise.all(
      Array.from({ length: Math.min(250, count - n) }, (_, at) => {
        // Not the honest ones' address.
        const localAddress = `127.0.1.${1 + ((n + at) % 250)}`;
        const socket = connect({ port, host: '127.0.0.1', localAddress });
        sockets.push(socket);
        socket.resume();
        socket.on('error', () => {});
        socket.once('close', () => {
          closed += 1;
        });
        return new Promise<void>((resolve) => {
          socket.once('connect', () => {
            const said = text(n + at);
            if (said !== '') socket.write(said);
            resolve();
          });
          socket.once('error', () => resolve());
        });
      }),
    );
  }
  return {
    sockets,
    open: () => sockets.length - closed,
    end: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** How long an honest caller waits, in milliseconds. */
async function waitOf(ask: () => Promise<{ status: number | undefined }>, status: number): Promise<number> {
  const beganMs = performance.now();
  const answer = await ask();
  return answer.status === status ? performance.now() - beganMs : Number.POSITIVE_INFINITY;
}

async function whileFlooded(
  { house, isQuick }: AttackStage,
  port: number,
  text: (n: number) => string = () => '',
): Promise<Outcome> {
  const count = isQuick ? CONNECTIONS.quick : CONNECTIONS.full;
  const flooding = await flood(port, count, text);
  try {
    const waits = [];
    for (let n = 0; n < 3; n += 1) waits.push(...(await honestWaits(house)));
    const worst = Math.max(...waits);
    return {
      happened: `${count} opened, ${flooding.open()} still held; honest callers waited ${worst === Number.POSITIVE_INFINITY ? 'in vain' : `${Math.round(worst)} ms at most`}`,
      isOk: worst < ANSWER_MS,
    };
  } finally {
    flooding.end();
    await delay(200);
  }
}

async function honestWaits({ pipelinePort, tusPort, nginx, zoom }: AttackHouse): Promise<number[]> {
  const signed = { headers: { 'tus-resumable': '1.0.0' } };
  return [
    await waitOf(() => send(pipelinePort, 'GET', '/healthz'), 200),
    await waitOf(() => send(pipelinePort, 'GET', '/api/status'), 200),
    await waitOf(() => send(tusPort, 'OPTIONS', '/tusupload', signed), 204),
    await waitOf(() => send(nginx.port, 'OPTIONS', '/tusupload', signed), 204),
    await waitOf(
      async () => ({ status: (await zoom.validate(`${nginx.url}/zoom-upload`)).isValid ? 200 : 0 }),
      200,
    ),
  ];
}

const PORTS = [
  ['nginx', (house: AttackHouse) => house.nginx.port],
  ['the pipeline server', (house: AttackHouse) => house.pipelinePort],
  ['the tus server', (house: AttackHouse) => house.tusPort],
] as const;

export const FLOOD_ATTACKS: readonly Attack[] = [
  ...PORTS.map(
    ([name, portOf]): Attack => ({
      name: `thousands of connections that say nothing, on ${name}`,
      expected: `honest callers are answered within ${ANSWER_MS / 1000} s`,
      run: (stage) => whileFlooded(stage, portOf(stage.house)),
    }),
  ),
  ...PORTS.map(
    ([name, portOf]): Attack => ({
      name: `thousands of connections that never end their headers, on ${name}`,
      expected: `honest callers are answered within ${ANSWER_MS / 1000} s`,
      run: (stage) =>
        whileFlooded(stage, portOf(stage.house), () => 'POST /zoom-upload HTTP/1.1\r\nHost: x\r\nX-Slow: '),
    }),
  ),
  {
    name: 'thousands of bodies that never come, on nginx',
    expected: `honest callers are answered within ${ANSWER_MS / 1000} s`,
    run: (stage) =>
      whileFlooded(stage, stage.house.nginx.port, (n) =>
        n % 2 === 0
          ? 'POST /zoom-upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{'
          : `PATCH ${stage.victim} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 1000000\r\n\r\nx`,
      ),
  },
  {
    name: 'headers of 8 KiB to 10 MiB',
    expected: '400, 401, 414 or 431, or the connection closed',
    async run({ house: { nginx, pipelinePort, tusPort } }) {
      const statuses = [];
      for (const port of [nginx.port, pipelinePort, tusPort]) {
        for (const bytes of [8000, 17_000, 100_000, 10_000_000]) {
          const headers = { 'x-large': 'x'.repeat(bytes), 'x-forwarded-for': '198.51.100.9' };
          statuses.push(
            (await send(port, 'POST', port === tusPort ? '/tusupload' : '/zoom-upload', { headers })).status,
          );
        }
        statuses.push((await send(port, 'GET', `/${'x'.repeat(20_000)}`)).status);
      }
      return onlyStatuses(statuses, 400, 401, 404, 412, 414, 431);
    },
  },
  {
    name: 'bodies that are too large for each door',
    expected: '413, or the connection closed',
    async run({ house: { nginx, pipelinePort } }) {
      const statuses = [];
      for (const [port, path, bytes] of [
        [nginx.port, '/zoom-upload', 2_000_000],
        [pipelinePort, '/zoom-upload', 2_000_000],
        [pipelinePort, '/bunny-webhook', 200_000],
        [pipelinePort, '/custom-upload', 200_000],
        [pipelinePort, '/login', 100_000],
      ] as const) {
        const type = path === '/login' ? 'application/x-www-form-urlencoded' : 'application/json';
        statuses.push(
          (await send(port, 'POST', path, { headers: { 'content-type': type }, body: 'x'.repeat(bytes) }))
            .status,
        );
      }
      return onlyStatuses(statuses, 413);
    },
  },
];
