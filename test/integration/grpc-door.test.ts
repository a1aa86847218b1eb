import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { credentials, Metadata, status as Status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServerReflection } from '../../src/grpc/stubs/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as Alpha } from '../../src/grpc/stubs/grpc/reflection/v1alpha/reflection_pb.ts';
import { Streaming } from '../../src/grpc/stubs/streaming_pb.ts';
import { openAuthority, type Signed } from '../support/authority.ts';
import { connect, refusalOf } from '../support/grpc-client.ts';
import { type GrpcWorld, jobOf, openGrpcWorld } from '../support/grpc-world.ts';

const ADMIN = 'an-admin-token-of-thirty-chars';

describe('the gRPC door in clear', () => {
  let world: GrpcWorld;

  beforeAll(async () => {
    world = await openGrpcWorld({ ADMIN_TOKEN: ADMIN, LOCAL_TRUST: 'off' });
  });
  afterAll(() => world.close());

  const withToken = (token: string) => {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${token}`);
    return metadata;
  };

  async function viewerToken(): Promise<string> {
    const answer = await world.house.post(
      '/api/access/tokens',
      { name: `Viewer ${Math.random()}`, role: 'viewer' },
      { authorization: `Bearer ${ADMIN}` },
    );
    return ((await answer.json()) as { token: string }).token;
  }

  it('asks for a token where nobody is trusted without one', async () => {
    expect((await refusalOf(world.client.createJob(jobOf()))).code).toBe(Status.UNAUTHENTICATED);
    expect((await refusalOf(world.client.getResults({}))).code).toBe(Status.UNAUTHENTICATED);
    const { tracking_id: id } = await world.client.createJob(jobOf(), withToken(ADMIN));
    expect((await world.client.getResults({ tracking_ids: [id] }, withToken(ADMIN))).results).toHaveLength(1);
  });

  it('lets viewers look, and do nothing', async () => {
    const metadata = withToken(await viewerToken());
    expect(await world.client.getResults({ tracking_ids: ['a'] }, metadata)).toEqual({ results: [] });
    for (const call of [
      world.client.createJob(jobOf(), metadata),
      world.client.revokeJobs({ tracking_ids: ['a'] }, metadata),
      world.client.revokeJobOutputs({ tracking_id: 'a' }, metadata),
    ]) {
      expect((await refusalOf(call)).code).toBe(Status.PERMISSION_DENIED);
    }
  });

  it('writes down who has asked for what', async () => {
    await world.client.createJob(jobOf(), withToken(ADMIN));
    const answer = await fetch(`${world.house.config.pipeline.url}/api/audit`, {
      headers: { authorization: `Bearer ${ADMIN}` },
    });
    const { entries } = (await answer.json()) as { entries: object[] };
    expect(entries).toContainEqual(expect.objectContaining({ act: 'createJob', who: 'admin', way: 'token' }));
  });

  it('answers anybody whether it serves', async () => {
    expect(await world.client.check({})).toEqual({ status: 'SERVING' });
  });

  it('says what there is to call, by both names of reflection', async () => {
    const transport = createGrpcTransport({
      baseUrl: `http://127.0.0.1:${world.port}`,
      interceptors: [
        (next) => (request) => {
          request.header.set('authorization', `Bearer ${ADMIN}`);
          return next(request);
        },
      ],
    });
    async function* questions() {
      yield { messageRequest: { case: 'listServices', value: '' } } as const;
      yield { messageRequest: { case: 'fileContainingSymbol', value: 'Streaming' } } as const;
      yield { messageRequest: { case: 'fileContainingSymbol', value: 'Nothing' } } as const;
      yield { messageRequest: { case: 'fileByFilename', value: 'sluice/v1/chunker.proto' } } as const;
    }
    for (const service of [ServerReflection, Alpha]) {
      const client = createClient(service as typeof ServerReflection, transport);
      const answers = [];
      for await (const { messageResponse } of client.serverReflectionInfo(questions())) {
        answers.push(messageResponse);
      }
      const [services, found, missing, file] = answers;
      expect(services?.value).toMatchObject({
        service: expect.arrayContaining([
          expect.objectContaining({ name: 'Streaming' }),
          expect.objectContaining({ name: 'grpc.health.v1.Health' }),
        ]),
      });
      expect([found?.case, missing?.case, file?.case]).toEqual([
        'fileDescriptorResponse',
        'errorResponse',
        'fileDescriptorResponse',
      ]);
    }
  });

  it('speaks gRPC-Web and Connect at the port of the pages, by the same rules', async () => {
    const { url } = world.house.config.pipeline;
    const transport = createGrpcWebTransport({ baseUrl: url, httpVersion: '1.1' });
    const client = createClient(Streaming, transport);
    const headers = { authorization: `Bearer ${ADMIN}` };
    expect((await client.get_results({ trackingIds: ['a'] }, { headers })).results).toEqual([]);
    await expect(client.get_results({})).rejects.toThrow(/unauthenticated/);

    const post = (more: object) =>
      fetch(`${url}/Streaming/get_results`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...more },
        body: JSON.stringify({ trackingIds: ['a'] }),
      });
    expect([(await post(headers)).status, await (await post(headers)).json()]).toEqual([200, {}]);
    expect((await post({})).status).toBe(401);
  });

  it('takes no page of another site for one that may act', async () => {
    const { url } = world.house.config.pipeline;
    const login = await fetch(`${url}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: ADMIN }),
    });
    const cookie = login.headers.get('set-cookie')?.split(';')[0];
    if (cookie === undefined) return;
    const answer = await fetch(`${url}/Streaming/get_results`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        cookie,
        origin: 'https://evil.example',
        'sec-fetch-site': 'cross-site',
      },
      body: '{}',
    });
    expect(answer.status).toBe(403);
  });

  it('tells of a method that there is not', async () => {
    const session = connectHttp2(`http://127.0.0.1:${world.port}`);
    const request = session.request({
      ':method': 'POST',
      ':path': '/Streaming/no_such_method',
      'content-type': 'application/grpc',
    });
    const headers = await new Promise<Record<string, unknown>>((resolve) => request.on('response', resolve));
    expect(headers['grpc-status']).toBe('12');
    request.end();
    session.close();
  });

  it.each([
    ['bytes that are no HTTP', Buffer.from('\0\x01\x02 no http at all\r\n\r\n')],
    [
      'a request of HTTP/1',
      Buffer.from('POST /Streaming/get_results HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n'),
    ],
    [
      'a preface and a frame cut short',
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\xff\x01', 'latin1'),
    ],
  ])('outlives %s', async (_what, bytes) => {
    const socket = connectTcp(world.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.end(bytes);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(await world.client.check({})).toEqual({ status: 'SERVING' });
  });

  it.each([
    ['no authority', { ':authority': '' }],
    ['an authority that is none', { ':authority': '[[[' }],
    ['a deadline that is none', { 'grpc-timeout': 'soon' }],
    ['another content', { 'content-type': 'text/plain' }],
    ['an encoding that is none', { 'grpc-encoding': 'rot13' }],
  ])('outlives a call with %s', async (_what, more) => {
    const session = connectHttp2(`http://127.0.0.1:${world.port}`);
    session.on('error', () => {});
    const request = session.request({
      ':method': 'POST',
      ':path': '/Streaming/get_results',
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${ADMIN}`,
      ...more,
    });
    request.on('error', () => {});
    request.resume();
    request.end(Buffer.from([0, 0, 0, 0, 0]));
    await new Promise((resolve) => request.once('close', resolve));
    session.destroy();
    expect(await world.client.check({})).toEqual({ status: 'SERVING' });
  });

  it.each([
    ['text that is no UTF-8', Buffer.from([0x0a, 2, 0xc3, 0x28])],
    ['a length beyond its end', Buffer.from([0x0a, 0x7f, 1])],
    ['a field of another kind', Buffer.from([0x0d, 0, 0, 0])],
  ])('refuses a message with %s', async (_what, message) => {
    const session = connectHttp2(`http://127.0.0.1:${world.port}`);
    const request = session.request({
      ...{ ':method': 'POST', ':path': '/Streaming/create_job', 'content-type': 'application/grpc' },
      ...{ te: 'trailers', authorization: `Bearer ${ADMIN}` },
    });
    const ended = new Promise<Record<string, unknown>>((resolve) => {
      request.on('response', (headers) => headers['grpc-status'] !== undefined && resolve(headers));
      request.on('trailers', resolve);
    });
    request.resume();
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(message.length, 1);
    request.end(Buffer.concat([frame, message]));
    expect((await ended)['grpc-status']).toBe(String(Status.INVALID_ARGUMENT));
    session.close();
  });
});

describe('V64 the gRPC door by TLS', () => {
  let folder: string;
  let world: GrpcWorld;
  let ours: Awaited<ReturnType<typeof openAuthority>>;
  let theirs: Awaited<ReturnType<typeof openAuthority>>;
  let own: Signed;
  let foreign: Signed;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-grpc-tls-'));
    ours = await openAuthority(folder, 'ours');
    theirs = await openAuthority(folder, 'theirs');
    const server = await ours.sign('server');
    own = await ours.sign('converter');
    foreign = await theirs.sign('stranger');
    world = await openGrpcWorld({
      GRPC_CERT: server.certFile,
      GRPC_KEY: server.keyFile,
      GRPC_CLIENT_CA: ours.caFile,
      ADMIN_TOKEN: ADMIN,
      LOCAL_TRUST: 'off',
    });
  });
  afterAll(async () => {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  });

  const clientWith = (how: Parameters<typeof connect>[1]) => connect(`127.0.0.1:${world.port}`, how);

  it('lets in whoever presents a certificate of the authority, without a token', async () => {
    const client = clientWith(credentials.createSsl(ours.ca, own.key, own.cert));
    const { tracking_id: id } = await client.createJob(jobOf());
    expect((await client.getResults({ tracking_ids: [id] })).results).toHaveLength(1);
    client.close();
  });

  it.each([
    ['none', () => credentials.createSsl(ours.ca)],
    ['one of another authority', () => credentials.createSsl(ours.ca, foreign.key, foreign.cert)],
    ['nothing encrypted at all', () => credentials.createInsecure()],
  ])('refuses whoever presents %s', async (_what, how) => {
    const client = clientWith(how());
    const error = await refusalOf(client.check({}, new Metadata(), { deadline: Date.now() + 5000 }));
    expect([Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED]).toContain(error.code);
    client.close();
  });
});

it('the door says that it serves no more from the moment on at which it is to end', async () => {
  const world = await openGrpcWorld();
  const told: string[] = [];
  const stream = world.client.health.Watch({ service: '' });
  const ended = new Promise<void>((resolve) => {
    stream.on('data', ({ status }: { status: string }) => told.push(status));
    stream.on('end', resolve);
    stream.on('error', () => resolve());
  });
  await expect.poll(() => told).toEqual(['SERVING']);
  await world.close();
  await ended;
  expect(told).toEqual(['SERVING', 'NOT_SERVING']);
});
