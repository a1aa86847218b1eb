import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { get, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { credentials, Metadata, status as Status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FrontProxy, startCaddy, startNginx, withOption } from '../../scripts/attack/proxies.ts';
import { sendRaw } from '../../scripts/attack/raw-request.ts';
import { ServerReflection } from '../../src/grpc/stubs/grpc/reflection/v1/reflection_pb.ts';
import { Chunker, ChunkEvent_Kind as Kind } from '../../src/grpc/stubs/sluice/v1/chunker_pb.ts';
import { openAuthority, type Signed } from '../support/authority.ts';
import { connect, type GrpcClient, type Message, refusalOf } from '../support/grpc-client.ts';
import { type GrpcWorld, jobOf, openGrpcWorld } from '../support/grpc-world.ts';
import { SAMPLE } from '../support/house.ts';
import { isWhole } from '../support/whole-tables.ts';

const ADMIN = 'an-admin-token-of-thirty-chars';
const BEARER = { authorization: `Bearer ${ADMIN}` };

let folder: string;
let world: GrpcWorld;
let ca: Buffer;
let server: Signed;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-grpc-proxy-'));
  await Promise.all(['in', 'out'].map((name) => mkdir(join(folder, name))));
  await copyFile(SAMPLE, join(folder, 'in', 'film.mp4'));
  const authority = await openAuthority(folder, 'ours');
  ca = authority.ca;
  server = await authority.sign('server');
  // This machine is trusted, so that whoever a proxy brings must not be taken for it.
  world = await openGrpcWorld({
    ADMIN_TOKEN: ADMIN,
    MEDIA_IN: join(folder, 'in'),
    MEDIA_OUT: join(folder, 'out'),
    MEDIA_OUT_URL: 'https://media.example',
  });
});
afterAll(async () => {
  await world?.close();
  await rm(folder, { recursive: true, force: true });
});

/** With a certificate for the name localhost, by which clients then call it. */
const overTls = {
  nginx: (site: string) =>
    site.replace(
      /listen (\S+);/,
      `listen $1 ssl http2; ssl_certificate ${server.certFile}; ssl_certificate_key ${server.keyFile};`,
    ),
  Caddy: (site: string) =>
    site
      .replace('admin off', 'admin off\n\tauto_https disable_redirects')
      .replace(/^http:\/\/:(\d+) \{/m, `https://localhost:$1 {\n\ttls ${server.certFile} ${server.keyFile}`),
};

describe.each([
  ['nginx', startNginx],
  ['Caddy', startCaddy],
] as const)('P41 P43 %s with all that it offers, by one name', (name, start) => {
  let proxy: FrontProxy;
  let origin: string;
  let client: GrpcClient;

  beforeAll(async () => {
    const { pipeline } = world.house.config;
    const upstreams = {
      pipelinePort: Number(new URL(pipeline.url).port),
      tusPort: world.house.config.tus.port,
      grpcPort: world.port,
    };
    proxy = await start(upstreams, (site) =>
      overTls[name](withOption(withOption(site, 'programs'), 'operators')),
    );
    origin = `https://localhost:${proxy.port}`;
    client = connect(`localhost:${proxy.port}`, credentials.createSsl(ca));
  });
  afterAll(async () => {
    client?.close();
    await proxy?.stop();
  });

  const metadataOf = (more: Record<string, string>) => {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(more)) metadata.set(key, value);
    return metadata;
  };

  /** Asks over HTTP/1.1; the status and the text of the answer. */
  function ask(path: string, headers: Record<string, string>, body?: string | Buffer) {
    return new Promise<{ status: number; text: string }>((resolve, reject) => {
      const method = body === undefined ? 'GET' : 'POST';
      const asking = request(`${origin}${path}`, { method, headers, ca, agent: false }, (response) => {
        const chunks: string[] = [];
        response.setEncoding('utf8').on('data', (chunk: string) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: chunks.join('') }));
      });
      asking.on('error', reject);
      asking.end(body);
    });
  }

  async function startRun(): Promise<string> {
    const outputs = [{ id: 'pieces', task: 'chunk', params: { seconds: 2, exact: true } }];
    const answer = await world.house.post('/api/runs', { input: 'media-in:film.mp4', outputs }, BEARER);
    expect(answer.status).toBe(202);
    return ((await answer.json()) as { id: string }).id;
  }

  /**
   * Has a run worked on from the moment on at which its follower has heard that it waits, until that has heard the end:
   * whoever is told all at once, at the end, never hears it.
   */
  async function workOnceHeard(heard: () => boolean, ended: Promise<unknown>): Promise<void> {
    await expect.poll(heard).toBe(true);
    const worker = await world.house.startWorker();
    await ended;
    await worker.stop();
  }

  it('answers anybody whether Sluice serves', async () => {
    expect(await client.check({})).toEqual({ status: 'SERVING' });
  });

  it.each([
    ['nothing of itself', {}],
    ['that it is this machine', { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1' }],
    ['that it was sent for by this machine', { forwarded: 'for=127.0.0.1;host=localhost' }],
    ['a wrong token', { authorization: 'Bearer wrong' }],
  ])('takes no stranger who says %s for this machine itself', async (_what, said) => {
    const direct = connect(`127.0.0.1:${world.port}`);
    expect((await direct.createJob(jobOf())).tracking_id).toMatch(/./);
    direct.close();

    expect((await refusalOf(client.createJob(jobOf(), metadataOf(said)))).code).toBe(Status.UNAUTHENTICATED);
    expect((await refusalOf(client.getResults({}, metadataOf(said)))).code).toBe(Status.UNAUTHENTICATED);
  });

  it('takes a job of whoever shows a token, and tells how it stands', async () => {
    const metadata = metadataOf(BEARER);
    const { tracking_id: id } = await client.createJob(jobOf(), metadata);
    const { results } = await client.getResults({ tracking_ids: [id] }, metadata);
    expect(results).toEqual([expect.objectContaining({ tracking_id: id })]);
  });

  it('hands what Sluice says of an error on', async () => {
    const { code, metadata } = await refusalOf(client.createJob({}, metadataOf(BEARER)));
    expect([code, metadata.get('error-code')]).toEqual([Status.INVALID_ARGUMENT, [expect.any(String)]]);
  });

  it('says what there is to call, as grpcurl asks it', async () => {
    const reflection = createClient(
      ServerReflection,
      createGrpcTransport({ baseUrl: origin, nodeOptions: { ca } }),
    );
    async function* questions() {
      yield { messageRequest: { case: 'listServices', value: '' } } as const;
      yield { messageRequest: { case: 'fileContainingSymbol', value: 'Streaming' } } as const;
    }
    const kinds = [];
    for await (const { messageResponse } of reflection.serverReflectionInfo(questions(), {
      headers: BEARER,
    })) {
      kinds.push(messageResponse.case);
    }
    expect(kinds).toEqual(['listServicesResponse', 'fileDescriptorResponse']);
  });

  it('answers Connect to whoever shows a token', async () => {
    const json = { 'content-type': 'application/json' };
    const body = '{"trackingIds":["a"]}';
    expect((await ask('/Streaming/get_results', json, body)).status).toBe(401);
    expect(await ask('/Streaming/get_results', { ...json, ...BEARER }, body)).toEqual({
      status: 200,
      text: '{}',
    });
  });

  it('tells by gRPC what happens as it happens', async () => {
    const events: Message[] = [];
    const stream = client.chunker.StreamChunkPipeline({ run_id: await startRun() }, metadataOf(BEARER));
    const ended = new Promise<void>((resolve, reject) => {
      stream.on('data', (event: Message) => events.push(event));
      stream.on('end', resolve);
      stream.on('error', reject);
    });
    await workOnceHeard(() => events.length === 1, ended);
    expect(events.filter(({ piece }) => piece)).toHaveLength(4);
    expect(events.at(-1).kind).toBe('DONE');
  });

  it.runIf(isWhole || name === 'nginx')(
    'tells by gRPC-Web over HTTP/1.1 what happens as it happens',
    async () => {
      const nodeOptions = { ca };
      const transport = createGrpcWebTransport({ baseUrl: origin, httpVersion: '1.1', nodeOptions });
      const runId = await startRun();
      const kinds: Kind[] = [];
      async function follow() {
        const events = createClient(Chunker, transport).streamChunkPipeline({ runId }, { headers: BEARER });
        for await (const { kind, progress } of events) if (progress === undefined) kinds.push(kind);
      }
      await workOnceHeard(() => kinds.length === 1, follow());
      expect(kinds).toEqual([Kind.QUEUED, Kind.PROCESSING, ...Array<Kind>(5).fill(Kind.DONE)]);
    },
  );

  it('tells operators by server-sent events what happens as it happens', async () => {
    expect((await ask('/api/events', {})).status).toBe(401);
    let text = '';
    const asking = get(`${origin}/api/events`, { ca, headers: BEARER, agent: false }, (response) => {
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
    });
    await expect.poll(() => text).toContain('retry: ');
    const runId = await startRun();
    await expect.poll(() => text).toContain(runId);
    asking.destroy();
  });

  it('lets operators at their pages, and nobody else', async () => {
    expect((await ask('/login', {})).status).toBe(200);
    expect((await ask('/api/status', {})).status).toBe(401);
    expect((await ask('/api/status', BEARER)).status).toBe(200);
    expect(
      (await ask('/manual-upload', { ...BEARER, 'content-type': 'application/json' }, '{}')).status,
    ).toBe(403);
  });

  it.runIf(name === 'nginx')('hands on no message that is longer than any is', async () => {
    const json = { ...BEARER, 'content-type': 'application/json' };
    const { status } = await ask('/Streaming/get_results', json, Buffer.alloc(2_200_000, ' '));
    expect(status).toBe(413);
  });
});

describe.each([
  ['nginx', startNginx],
  ['Caddy', startCaddy],
] as const)('%s with the paths of programs, and no others', (_name, start) => {
  let proxy: FrontProxy;
  beforeAll(async () => {
    const { pipeline, tus } = world.house.config;
    const pipelinePort = Number(new URL(pipeline.url).port);
    proxy = await start({ pipelinePort, tusPort: tus.port, grpcPort: world.port }, (site) =>
      withOption(site, 'programs'),
    );
  });
  afterAll(() => proxy?.stop());

  const ask = (path: string, type: string) =>
    sendRaw(
      proxy.port,
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\n` +
        'Content-Length: 2\r\nConnection: close\r\n\r\n{}',
    );

  it.each(['/Streaming/get_results', '/sluice.v1.Chunker/StreamChunkPipeline'])(
    'lets %s pass',
    async (path) => {
      expect((await ask(path, 'application/json')).text).not.toMatch(/^HTTP\/1.1 404/);
    },
  );

  it.each([
    '/Streaming',
    '/Streaming/',
    '/Streaming/../api/status',
    '/Streaming/%2e%2e/api/status',
    '/Streaming/get_results/../../api/status',
    '/Streaming/get_results%2f..%2f..%2fapi',
    '//Streaming/get_results',
    '/sluice.v1.Chunker',
    '/sluice.v1.Chunker/../api/status',
    '/grpc.health.v2.Health/Check',
    '/grpc.other.v1.Other/Ask',
    '/api/status',
    '/login',
  ])('refuses %s by itself', async (path) => {
    for (const type of ['application/json', 'application/grpc']) {
      const { statuses, text } = await ask(path, type);
      expect([400, 404]).toContain(statuses[0]);
      // Sluice says this with every answer.
      expect(text).not.toContain('nosniff');
    }
  });
});
