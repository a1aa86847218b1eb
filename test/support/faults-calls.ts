import type { Fault } from '../../simulators/shared/faults.ts';
import type { LoggedRequest, Simulator } from '../../simulators/shared/simulator.ts';
import { FOLDER_SERVICES } from './faults-folders.ts';
import type { House } from './house.ts';

/** A call that a task makes of a service, and how a recording is brought to make it. */
export interface RemoteCall {
  readonly name: string;
  readonly task: string;
  /** As its words call it. */
  readonly service: string;
  readonly simulator: (house: House) => Simulator;
  /** Method and path, as a fault names them. */
  readonly on: string;
  /** What goes there and comes back beyond headers. */
  readonly takes: Content;
  readonly answers: Content;
  /** Whether the recording has to be one that is archived in parts. */
  readonly isLarge?: boolean;
  /** Whether only a worker that has just started makes it. */
  readonly isFirst?: boolean;
  /** Whether its status alone says that it is done, with whatever words. */
  readonly isToldByStatus?: boolean;
  /** Whether only a recording makes it whose meeting has a transcript. */
  readonly hasTranscript?: boolean;
  /** Brings about the call, where an undisturbed recording does without it. */
  readonly provoke?: (house: House) => void;
}

type Content = 'nothing' | 'json' | 'bytes';

/** One kind of misbehaviour, and the calls that it makes sense for. */
export interface FaultKind {
  readonly name: string;
  readonly fault: (call: RemoteCall) => Omit<Fault, 'on'>;
  readonly suits?: (call: RemoteCall) => boolean;
}

const zoom = (house: House) => house.zoom;
const b2 = (house: House) => house.b2;
const bunny = (house: House) => house.bunny;

const LOST = { drop: 'after-handling' } as const;
const HTML = {
  headers: { 'content-type': 'text/html;charset=utf-8' },
  body: '<!doctype html><h1>Sign In</h1>',
};

const DOWNLOAD = 'GET /rec/webhook_download/*';
const B2 = 'POST /b2api/v3/';
const VIDEOS = '/library/*/videos';

/** The webhook's token has expired: Zoom shows its sign-in page, until somebody asks the API. */
function refuseWebhookToken(house: House): void {
  house.zoom.fail({ on: DOWNLOAD, status: 200, ...HTML, count: 1000 });
}

/** Upload URLs are kept as long as they serve, and so is the account's token: both have run out now. */
function expireB2Tokens(house: House): void {
  house.b2.expireUploadTokens();
  house.b2.expireAccountTokens();
}

function callsOf(
  of: Pick<RemoteCall, 'task' | 'service' | 'simulator'>,
  calls: readonly (Omit<RemoteCall, 'task' | 'service' | 'simulator'> &
    Partial<Pick<RemoteCall, 'simulator'>>)[],
): readonly RemoteCall[] {
  return calls.map((call) => ({ ...of, ...call }));
}

export const REMOTE_CALLS: readonly RemoteCall[] = [
  ...callsOf({ task: 'fetch', service: 'zoom', simulator: zoom }, [
    { name: 'Zoom: download', on: DOWNLOAD, takes: 'nothing', answers: 'nothing' },
    {
      name: 'Zoom: bytes',
      simulator: (house) => house.zoom.cdn,
      on: 'GET /cmr/*',
      takes: 'nothing',
      answers: 'bytes',
    },
    {
      name: 'Zoom: OAuth token',
      on: 'POST /oauth/token',
      takes: 'json',
      answers: 'json',
      isFirst: true,
      provoke: refuseWebhookToken,
    },
    {
      name: 'Zoom: recordings of a meeting',
      on: 'GET /v2/meetings/*',
      takes: 'nothing',
      answers: 'json',
      provoke: refuseWebhookToken,
    },
    {
      name: 'Zoom: download, from where the API says',
      on: 'GET /rec/download/*',
      takes: 'nothing',
      answers: 'nothing',
      provoke: refuseWebhookToken,
    },
    {
      name: 'Zoom: whether it is well, once a download has failed',
      on: 'GET /v2/users/me',
      takes: 'nothing',
      answers: 'json',
      provoke: (house) => house.zoom.fail({ on: DOWNLOAD, status: 503 }),
    },
  ]),
  ...callsOf({ task: 'archive', service: 'b2', simulator: b2 }, [
    {
      name: 'b2_authorize_account, at the start',
      on: 'GET /b2api/v3/b2_authorize_account',
      takes: 'nothing',
      answers: 'json',
      isFirst: true,
    },
    {
      name: 'b2_authorize_account, once the token has expired',
      on: 'GET /b2api/v3/b2_authorize_account',
      takes: 'nothing',
      answers: 'json',
      provoke: expireB2Tokens,
    },
    {
      name: 'b2_list_buckets',
      on: `${B2}b2_list_buckets`,
      takes: 'json',
      answers: 'json',
      isFirst: true,
    },
    {
      name: 'b2_get_upload_url',
      on: `${B2}b2_get_upload_url`,
      takes: 'json',
      answers: 'json',
      isFirst: true,
    },
    {
      name: 'b2_upload_file',
      on: `${B2}b2_upload_file/*`,
      takes: 'bytes',
      answers: 'json',
    },
    {
      name: 'b2_list_file_versions, after an upload without an answer',
      on: `${B2}b2_list_file_versions`,
      takes: 'json',
      answers: 'json',
      provoke: (house) => house.b2.fail({ on: `${B2}b2_upload_file/*`, ...LOST }),
    },
    {
      name: 'b2_start_large_file',
      on: `${B2}b2_start_large_file`,
      takes: 'json',
      answers: 'json',
      isLarge: true,
    },
    {
      name: 'b2_list_unfinished_large_files, after a start without an answer',
      on: `${B2}b2_list_unfinished_large_files`,
      takes: 'json',
      answers: 'json',
      isLarge: true,
      provoke: (house) => house.b2.fail({ on: `${B2}b2_start_large_file`, ...LOST }),
    },
    {
      name: 'b2_get_upload_part_url',
      on: `${B2}b2_get_upload_part_url`,
      takes: 'json',
      answers: 'json',
      isLarge: true,
    },
    {
      name: 'b2_upload_part',
      on: `${B2}b2_upload_part/*`,
      takes: 'bytes',
      answers: 'json',
      isLarge: true,
    },
    {
      name: 'b2_list_parts, after an interrupted attempt',
      on: `${B2}b2_list_parts`,
      takes: 'json',
      answers: 'json',
      isLarge: true,
      // As many as it takes for one of three parts that are sent at once to use up its five attempts.
      provoke: (house) => house.b2.fail({ on: `${B2}b2_upload_part/*`, status: 503, skip: 1, count: 13 }),
    },
    {
      name: 'b2_finish_large_file',
      on: `${B2}b2_finish_large_file`,
      takes: 'json',
      answers: 'json',
      isLarge: true,
    },
    {
      name: 'b2_get_file_info, after a finish without an answer',
      on: `${B2}b2_get_file_info`,
      takes: 'json',
      answers: 'json',
      isLarge: true,
      provoke: (house) => house.b2.fail({ on: `${B2}b2_finish_large_file`, ...LOST }),
    },
    {
      name: 'b2_cancel_large_file, after hopeless finishes',
      on: `${B2}b2_cancel_large_file`,
      takes: 'json',
      answers: 'json',
      isLarge: true,
      provoke: (house) => house.b2.fail({ on: `${B2}b2_finish_large_file`, status: 503, count: 3 }),
    },
  ]),
  ...callsOf({ task: 'publish', service: 'bunny', simulator: bunny }, [
    {
      name: 'Bunny: create video',
      on: `POST ${VIDEOS}`,
      takes: 'json',
      answers: 'json',
    },
    {
      name: 'Bunny: list videos, after a creation without an answer',
      on: `GET ${VIDEOS}`,
      takes: 'nothing',
      answers: 'json',
      provoke: (house) => house.bunny.fail({ on: `POST ${VIDEOS}`, ...LOST }),
    },
    {
      name: 'Bunny: get video, after an interrupted attempt',
      on: `GET ${VIDEOS}/*`,
      takes: 'nothing',
      answers: 'json',
      provoke: (house) => house.bunny.fail({ on: 'PATCH /tusupload/*', status: 503, count: 5 }),
    },
    {
      name: 'Bunny: tus POST',
      on: 'POST /tusupload',
      takes: 'nothing',
      answers: 'nothing',
    },
    {
      name: 'Bunny: tus HEAD, after a broken PATCH',
      on: 'HEAD /tusupload/*',
      takes: 'nothing',
      answers: 'nothing',
      provoke: (house) =>
        house.bunny.fail({ on: 'PATCH /tusupload/*', drop: 'during-body', cutAfterBytes: 100_000 }),
    },
    {
      name: 'Bunny: tus PATCH',
      on: 'PATCH /tusupload/*',
      takes: 'bytes',
      answers: 'nothing',
    },
    {
      name: 'Bunny: update video, for its plain title',
      on: `POST ${VIDEOS}/*`,
      takes: 'json',
      answers: 'json',
      isToldByStatus: true,
    },
  ]),
  ...callsOf({ task: 'captions', service: 'bunny', simulator: bunny }, [
    {
      name: 'Bunny: set captions',
      on: `POST ${VIDEOS}/*/captions/*`,
      takes: 'json',
      answers: 'nothing',
      isToldByStatus: true,
      hasTranscript: true,
    },
  ]),
  ...callsOf({ task: 'notify', service: 'site', simulator: (house) => house.site }, [
    {
      name: 'the website: announcement',
      on: 'POST /webhooks/sluice',
      takes: 'json',
      answers: 'nothing',
    },
  ]),
];

/** Of tasks that ask the place of outputs alone. */
const OUTPUTS =
  'it asks the place of outputs alone, whose troubles are tried by themselves: test/faults/outputs.test.ts';

/** Tasks that ask nothing of any service, or only what has tests of its own, and so nothing that is to be struck here. */
const WITHOUT_CALLS: Readonly<Record<string, string>> = {
  chunk: OUTPUTS,
  package: 'it asks the place of outputs alone, which is struck by itself: test/faults/packages.test.ts',
  'package-captions': 'it asks the place of outputs alone: test/faults/packages.test.ts',
  sprite: OUTPUTS,
  thumbnail: OUTPUTS,
  transcode: OUTPUTS,
  trim: OUTPUTS,
  watermark: OUTPUTS,
  waveform: OUTPUTS,
  cleanup: 'it removes files of this machine: test/integration/local-file.test.ts',
  probe: 'it looks at a file of this machine: test/integration/probe.test.ts',
  glance: 'it asks where an input lies, as preflight does',
  preflight: 'it asks where an input lies and outputs go, which does not answer in test/faults/jobs.test.ts',
  refuse: 'it asks nobody',
};

/** Services that no task of every recording needs, and the test that has their troubles. */
export const TRIED_ELSEWHERE: Readonly<Record<string, string>> = {
  executor: 'test/integration/handed-over.test.ts',
  'media-in': 'test/integration/inputs.test.ts',
  'media-out': 'test/faults/packages.test.ts',
  s3: 'test/faults/s3-faults.test.ts',
};

/** What no fault is tried of, of all that there is: a sentence for each, which says what to add. */
export function untriedOf(found: {
  readonly tasks: readonly string[];
  readonly services: readonly string[];
}): string[] {
  const tasks = [...REMOTE_CALLS.map(({ task }) => task), ...Object.keys(WITHOUT_CALLS)];
  const services: readonly string[] = [
    ...REMOTE_CALLS.map(({ service }) => service),
    ...FOLDER_SERVICES,
    ...Object.keys(TRIED_ELSEWHERE),
  ];
  return [
    ...found.tasks
      .filter((task) => !tasks.includes(task))
      .map(
        (task) =>
          `No fault strikes the task "${task}": list the calls that it makes in REMOTE_CALLS, or say in WITHOUT_CALLS why it makes none.`,
      ),
    ...found.services
      .filter((service) => !services.includes(service))
      .map(
        (service) =>
          `No fault strikes the service "${service}": list the calls of it in REMOTE_CALLS, or, if its troubles are those of a folder, its name in FOLDER_SERVICES, or the test that has them in TRIED_ELSEWHERE.`,
      ),
    ...tasks
      .filter((task) => !found.tasks.includes(task))
      .map((task) => `There is no task "${task}" any more: take out what is listed of it.`),
    ...services
      .filter((service) => !found.services.includes(service))
      .map((service) => `There is no service "${service}" any more: take out what is listed of it.`),
  ];
}

const isSite = ({ service }: RemoteCall) => service === 'site';
const isTus = ({ on }: RemoteCall) => on.includes('/tusupload');
const isZoom = ({ service }: RemoteCall) => service === 'zoom';

const inASecond = () => new Date(Date.now() + 1000);

export const FAULT_KINDS: readonly FaultKind[] = [
  { name: 'a 500', fault: () => ({ status: 500 }) },
  { name: 'a 503', fault: () => ({ status: 503 }) },
  { name: 'seven 503 in a row', fault: () => ({ status: 503, count: 7 }) },
  { name: 'a 408', fault: () => ({ status: 408 }) },
  { name: 'a 503 with Retry-After', fault: () => ({ status: 503, headers: { 'retry-after': '1' } }) },
  { name: 'a 429', fault: () => ({ status: 429 }) },
  {
    name: 'a 429 with Retry-After in seconds',
    fault: () => ({ status: 429, headers: { 'retry-after': '1' } }),
  },
  {
    name: 'a 429 with Retry-After as an HTTP date',
    fault: () => ({ status: 429, headers: { 'retry-after': inASecond().toUTCString() } }),
  },
  {
    name: 'a 429 with Retry-After as Zoom writes it',
    fault: () => ({ status: 429, headers: { 'retry-after': inASecond().toISOString() } }),
    suits: isZoom,
  },
  {
    name: 'a 401 for an expired token',
    fault: () => ({ status: 401, body: '{"status":401,"code":"expired_auth_token","message":"expired"}' }),
  },
  { name: 'a 409', fault: () => ({ status: 409 }), suits: isTus },
  { name: 'a 423', fault: () => ({ status: 423 }), suits: isTus },
  {
    name: 'a 404',
    fault: () => ({ status: 404 }),
    suits: (call) => isTus(call) || call.on.endsWith('videos/*'),
  },
  { name: 'a 410', fault: () => ({ status: 410 }), suits: isTus },
  { name: 'a reset before anything happens', fault: () => ({ drop: 'before-handling' }) },
  {
    name: 'a reset in the middle of the request',
    fault: ({ takes }) => ({ drop: 'during-body', cutAfterBytes: takes === 'bytes' ? 150_000 : 7 }),
    suits: ({ takes }) => takes !== 'nothing',
  },
  { name: 'a reset once it is done', fault: () => ({ drop: 'after-handling' }) },
  {
    name: 'an answer that breaks off',
    fault: ({ answers }) => ({ cutAfterBytes: answers === 'bytes' ? 150_000 : 10 }),
    suits: ({ answers }) => answers !== 'nothing',
  },
  // The website has 20 s to answer; the outbox has a test for its silence.
  { name: 'silence', fault: () => ({ stall: true }), suits: (call) => !isSite(call) },
  {
    name: 'a slow drip',
    fault: ({ takes, answers, isLarge }) => {
      const isSmall = takes !== 'bytes' && answers !== 'bytes';
      return { bytesPerSecond: isSmall ? 1500 : isLarge ? 12_000_000 : 1_000_000 };
    },
    suits: ({ takes, answers }) => takes !== 'nothing' || answers !== 'nothing',
  },
  {
    name: 'a web page with status 200',
    fault: () => ({ status: 200, ...HTML }),
    suits: (call) => !isSite(call),
  },
  {
    name: 'other JSON with status 200',
    fault: () => ({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: '{"unexpected":[]}',
    }),
    suits: (call) => !isSite(call) && call.isToldByStatus !== true,
  },
];

/** Whether a request was struck by a fault on this call. */
export function isStruck(call: RemoteCall, request: LoggedRequest): boolean {
  return request.faulty && isCall(call, request);
}

/** Whether a request is none of the calls that are listed. */
export function isUnlisted(request: LoggedRequest): boolean {
  return !REMOTE_CALLS.some((call) => isCall(call, request));
}

/** Whether a request is this call. */
function isCall(call: RemoteCall, request: LoggedRequest): boolean {
  const escaped = call.on.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*');
  return new RegExp(`^${escaped}$`).test(`${request.method} ${request.path}`);
}
