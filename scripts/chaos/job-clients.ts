import { type ChannelCredentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { idOfJob } from '../../src/domain/job.ts';
import { connect, type GrpcClient } from '../../test/support/grpc-client.ts';
import type { App } from './action.ts';
import { postOnce } from './insistent-post.ts';
import type { JobOrder } from './job-orders.ts';
import { BUCKET, FILM, GRPC_OUTPUTS, type Media } from './media.ts';
import { pause } from './waiting.ts';

/** One call for a job. The doors know of no repetition, so each that got no answer may have made one, or not. */
export interface JobCall {
  /** By which the ledger tells jobs by gRPC apart, and below which their outputs lie. */
  readonly reference: string;
  /** The job's recording, of a call that was answered. */
  readonly id: string | undefined;
  /** What its client knows the job by. */
  readonly handle: string | undefined;
  /** What there was in place of an answer. */
  readonly trouble?: string;
}

/** A job as whoever wants it knows it. */
export interface OrderedJob {
  readonly order: JobOrder;
  /** Of what is made of an asset, that. */
  readonly assetId: string | undefined;
  readonly calls: readonly JobCall[];
  /** The answer that ended the asking without a job. */
  readonly refusal: string | undefined;
}

/** Asks for jobs by both doors as programs do, and keeps what they were told. */
export interface JobClients {
  readonly ordered: readonly OrderedJob[];
  /** Asks until it is answered. */
  send(order: JobOrder): Promise<void>;
  /** How a job stands by what its door says. */
  standOf(order: JobOrder, handle: string): Promise<string>;
  close(): void;
}

/** Where a program calls. */
export interface JobDoor {
  /** `host:port`. */
  readonly grpc: string;
  readonly pipelineUrl: string;
}

/** How soon a program asks again, and how long it waits for an answer, in milliseconds. */
const AGAIN_MS = 400;
const DEADLINE_MS = 10_000;

/** A channel that notices soon that its server has died, or is back. */
const CHANNEL = {
  'grpc.initial_reconnect_backoff_ms': 200,
  'grpc.min_reconnect_backoff_ms': 200,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.keepalive_time_ms': 4000,
  'grpc.keepalive_timeout_ms': 2000,
};

/** After these nobody knows what was done. */
const UNKNOWN_OUTCOMES: ReadonlySet<number> = new Set([
  status.CANCELLED,
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
  status.INTERNAL,
  status.UNAVAILABLE,
]);

/** Of a film of 8 s. */
export const PART = { startS: 1, endS: 3 } as const;

const SCAN = 'mutation { scanMediaFolder { found } }';
const FIND = 'query ($path: String) { assets(search: $path) { id path } }';
const MAKE =
  'mutation ($id: ID!) { made: createJob(input: { sourceAssetId: $id, presetId: "thumbnail" }) { id } }';
const CUT = `mutation ($id: ID!) {
  made: createTrimJob(input: { sourceAssetId: $id, start: ${PART.startS}, end: ${PART.endS}, reencode: false }) { id }
}`;
const JOB = 'query ($id: ID!) { job(id: $id) { status } }';

type Answer =
  | { readonly kind: 'data'; readonly data: Readonly<Record<string, unknown>> }
  | { readonly kind: 'refused'; readonly text: string }
  | { readonly kind: 'unknown'; readonly text: string };

export function createJobClients(options: {
  readonly media: Media;
  /** Where the next call goes. */
  readonly door: () => JobDoor;
  readonly headers?: Readonly<Record<string, string>>;
  /** How the certificate of a gRPC door is checked; default: it shows none. */
  readonly credentials?: { readonly channel: ChannelCredentials; readonly certificateName: string };
  /** Takes aim at a process behind a door; the shot kills it. */
  readonly aim: (app: App) => Promise<() => void>;
  /** Hears of each call that got no answer. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}): JobClients {
  const { media, door, headers = {}, credentials, say, signal } = options;
  type Kept = { -readonly [Key in keyof OrderedJob]: OrderedJob[Key] } & { calls: JobCall[] };
  const ordered: Kept[] = [];
  const clients = new Map<string, GrpcClient>();
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);

  function grpcClient(address: string): GrpcClient {
    const known = clients.get(address);
    if (known !== undefined) return known;
    const named =
      credentials === undefined ? {} : { 'grpc.ssl_target_name_override': credentials.certificateName };
    const client = connect(address, credentials?.channel, { ...CHANNEL, ...named });
    clients.set(address, client);
    return client;
  }

  /** The shot comes with the first call. */
  async function aimAt({ doorKillAfterMs }: JobOrder): Promise<() => void> {
    if (doorKillAfterMs === undefined) return () => {};
    let shoot: (() => void) | undefined = await options.aim('pipeline');
    return () => {
      const shot = shoot;
      shoot = undefined;
      if (shot !== undefined) setTimeout(shot, doorKillAfterMs);
    };
  }

  /** Keeps what came of a call; whether it need not be repeated. */
  function isOver(job: Kept, call: JobCall, answer: Answer): boolean {
    if (answer.kind === 'data') {
      job.calls.push(call);
      return true;
    }
    job.calls.push({ ...call, trouble: answer.text });
    say(`job ${call.reference} by ${job.order.door}, ${answer.kind}: ${answer.text}`);
    if (answer.kind === 'refused') job.refusal = answer.text;
    return answer.kind === 'refused';
  }

  async function callGrpc(order: Extract<JobOrder, { door: 'grpc' }>, reference: string): Promise<Answer> {
    const place = (name: string) => ({ bucket: BUCKET, key: `${GRPC_OUTPUTS}${reference}/${name}` });
    const request = {
      reference_id: reference,
      video: { s3_input: { bucket: BUCKET, key: FILM } },
      thumbnails: [{ thumbnail_time: '1', upload_to: place('picture.jpg') }],
      playlists: order.hasPackage
        ? [{ upload_to: place('film.m3u8'), options: { quality_names: ['R_144P'] } }]
        : [],
    };
    const terms = { deadline: Date.now() + DEADLINE_MS };
    try {
      return { kind: 'data', data: await grpcClient(door().grpc).createJob(request, metadata, terms) };
    } catch (error) {
      const { code, message } = error as ServiceError;
      return { kind: UNKNOWN_OUTCOMES.has(code) ? 'unknown' : 'refused', text: message };
    }
  }

  async function orderByGrpc(job: Kept, order: Extract<JobOrder, { door: 'grpc' }>): Promise<void> {
    const shoot = await aimAt(order);
    for (let number = 1; ; number += 1) {
      const reference = `${order.name}-${number}`;
      const calling = callGrpc(order, reference);
      shoot();
      const answer = await calling;
      const handle = answer.kind === 'data' ? String(answer.data['tracking_id']) : undefined;
      const id = handle === undefined ? undefined : idOfJob(handle);
      if (isOver(job, { reference, handle, id }, answer)) return;
      await pause(AGAIN_MS, signal);
    }
  }

  async function askGraphql(query: string, variables: object): Promise<Answer> {
    const answer = await postOnce(`${door().pipelineUrl}/graphql`, { query, variables }, signal, headers);
    if (answer === undefined) return { kind: 'unknown', text: 'nobody has answered' };
    const body = readJson(answer.text) as
      | { readonly data?: object | null; readonly errors?: readonly { extensions?: { status?: number } }[] }
      | undefined;
    const errorStatus = body?.errors?.[0]?.extensions?.status ?? answer.status;
    if (body === undefined || errorStatus >= 500 || errorStatus === 429) {
      return { kind: 'unknown', text: `${answer.status} ${answer.text}` };
    }
    if (errorStatus >= 400 || body.errors !== undefined || !body.data) {
      return { kind: 'refused', text: `${answer.status} ${answer.text}` };
    }
    return { kind: 'data', data: body.data as Readonly<Record<string, unknown>> };
  }

  async function askInsistently(query: string, variables: object = {}): Promise<Answer> {
    for (;;) {
      const answer = await askGraphql(query, variables);
      if (answer.kind !== 'unknown') return answer;
      await pause(AGAIN_MS, signal);
    }
  }

  /** Has MEDIA_IN looked through until a film is known. */
  async function assetOf(path: string): Promise<string | undefined> {
    for (;;) {
      const answer = await askInsistently(FIND, { path });
      if (answer.kind !== 'data') return undefined;
      const found = answer.data['assets'] as readonly { readonly id: string; readonly path: string }[];
      const id = found.find((each) => each.path === path)?.id;
      if (id !== undefined) return id;
      await askInsistently(SCAN);
      await pause(AGAIN_MS, signal);
    }
  }

  async function orderByGraphql(job: Kept, order: Extract<JobOrder, { door: 'graphql' }>): Promise<void> {
    const path = filmOf(order);
    await media.addFilm(path, order.filmBytes);
    job.assetId = await assetOf(path);
    if (job.assetId === undefined) {
      job.refusal = `there is no asset ${path}`;
      return;
    }
    const shoot = await aimAt(order);
    for (let number = 1; ; number += 1) {
      const calling = askGraphql(order.makes === 'picture' ? MAKE : CUT, { id: job.assetId });
      shoot();
      const answer = await calling;
      const id = answer.kind === 'data' ? (answer.data['made'] as { readonly id: string }).id : undefined;
      if (isOver(job, { reference: `${order.name}-${number}`, handle: id, id }, answer)) return;
      await pause(AGAIN_MS, signal);
    }
  }

  return {
    ordered,

    async send(order) {
      const job: Kept = { order, assetId: undefined, calls: [], refusal: undefined };
      ordered.push(job);
      await (order.door === 'grpc' ? orderByGrpc(job, order) : orderByGraphql(job, order));
    },

    async standOf(order, handle) {
      if (order.door === 'graphql') {
        const answer = await askInsistently(JOB, { id: handle });
        const found = answer.kind === 'data' ? (answer.data['job'] as { status?: string } | null) : null;
        return found?.status ?? 'unknown';
      }
      for (;;) {
        const terms = { deadline: Date.now() + DEADLINE_MS };
        const asking = grpcClient(door().grpc).getResults({ tracking_ids: [handle] }, metadata, terms);
        const answer = await asking.catch(() => undefined);
        if (answer !== undefined) return String(answer.results[0]?.status ?? 'unknown');
        await pause(AGAIN_MS, signal);
      }
    },

    close() {
      for (const client of clients.values()) client.close();
    },
  };
}

/** The film below MEDIA_IN of an order. */
export function filmOf({ name }: JobOrder): string {
  return `${name}.mp4`;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
