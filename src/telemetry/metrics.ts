import { Counter, collectDefaultMetrics, Gauge, type Histogram, Registry } from 'prom-client';
import { SOURCES, STATES } from '../domain/recording.ts';

/** What metrics are made of, at one moment. */
export interface Measurements {
  /** Totals since the beginning of the ledger. */
  readonly tallies: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
  readonly recordings: Partial<Record<string, number>>;
  readonly longestWaitingS: number;
  readonly deliveries: Readonly<Record<string, number>>;
  readonly circuits: readonly { service: string; failures: number; isOpen: boolean }[];
  readonly alarms: Partial<Record<string, number>>;
  /** Of tutors, in progress. */
  readonly uploads: number;
  /** Connections that clients have open to the tus server. */
  readonly uploadConnections: number;
  readonly disk: { freeBytes: number; totalBytes: number; reserveBytes: number };
  readonly isPaused: boolean;
  readonly isSiteGone: boolean;
  readonly redis: 'ok' | 'away' | 'refusing';
  readonly apps: readonly { app: string; state: 'ok' | 'silent' | 'unheard'; silentMs: number }[];
  /** The machines, where there may be several. */
  readonly hosts: readonly {
    readonly id: string;
    readonly state: 'ok' | 'silent';
    readonly silentMs: number;
    readonly freeBytes: number | undefined;
    readonly uploads: number;
    readonly bound: number;
  }[];
  /** For how long the recording has been due that has been longest; 0 if none is. */
  readonly dueS: number;
  /** How long ago the moving recording got on; 0 if none moves. */
  readonly progressS: number;
  readonly isStandingStill: boolean;
  readonly isLedgerWritable: boolean;
}

export interface MetricsOptions {
  readonly read: () => Promise<Measurements>;
  readonly version: string;
  /** Upper bounds of the buckets of durations, in seconds, as they are counted. */
  readonly durationBounds: readonly number[];
  /** What may have an alarm, and how a check of Zoom's may go: shown as 0 from the beginning, for graphs. */
  readonly alarmKinds: readonly string[];
  readonly zoomOutcomes: readonly string[];
  /** What is depended on, and the steps that recordings go through; those of the latter that say how many bytes. */
  readonly services: readonly string[];
  readonly stages: readonly string[];
  readonly legs: readonly string[];
}

type Labels = Readonly<Record<string, string>>;

/**
 * The metrics of this installation, and those of this process. What is counted comes as totals from the ledger: a
 * restart of any process resets nothing.
 */
export function createMetrics(options: MetricsOptions) {
  const { read, version } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `sluice_${name}`, help, labelNames, registers: [registry] });
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `sluice_${name}`, help, labelNames, registers: [registry] });

  gauge('build_info', 'Always 1; its labels tell the version', ['version', 'node_version']).set(
    { version, node_version: process.version },
    1,
  );
  const recordings = gauge('recordings', 'Recordings by state', ['state']);
  const longestWaiting = gauge(
    'longest_waiting_seconds',
    'How long the recording has waited that has waited longest; 0 if none waits',
  );
  const deliveries = gauge('deliveries', 'Announcements to the website by state', ['state']);
  const circuitOpen = gauge('circuit_open', 'Whether a service is being left alone', ['service']);
  const circuitFailures = gauge('circuit_failures', 'Failures of a service in a row', ['service']);
  const alarms = gauge('alarms_open', 'Alarms that are open, by kind', ['kind']);
  const uploads = gauge('uploads_in_progress', 'Uploads of tutors that are not finished');
  const uploadConnections = gauge('upload_connections', 'Connections that are open to the tus server');
  const diskFree = gauge('disk_free_bytes', 'Free space on the disk of recordings');
  const diskTotal = gauge('disk_total_bytes', 'Size of the disk of recordings');
  const diskReserve = gauge('disk_reserve_bytes', 'What is to stay free of it');
  const paused = gauge('line_paused', 'Whether an operator has paused the line');
  const siteGone = gauge('site_gone', 'Whether the website has answered 410');
  const redisUp = gauge('redis_up', 'Whether Redis answers and takes writes');
  const redisConnected = gauge('redis_connected', 'Whether Redis answers, writes or not');
  const ledgerWritable = gauge(
    'ledger_writable',
    'Whether this process could write the ledger the last time',
  );
  const processUp = gauge('process_up', 'Whether a process of Sluice is heard of', ['app']);
  const heartbeatAge = gauge('heartbeat_age_seconds', 'Since the last sign of life of a process', ['app']);
  const hostUp = gauge('host_up', 'Whether a host of those that share the ledger is heard of', ['host']);
  const hostAge = gauge('host_age_seconds', 'Since the last sign of life of a host', ['host']);
  const hostFree = gauge('host_free_bytes', 'Free space on the disk of a host', ['host']);
  const hostUploads = gauge('host_uploads', 'Uploads of tutors that are not finished, on a host', ['host']);
  const hostBound = gauge('host_bound_recordings', 'Unfinished recordings whose bytes are on a host alone', [
    'host',
  ]);
  const oldestDue = gauge(
    'oldest_due_seconds',
    'For how long the recording has been due that has been longest; 0 if none is',
  );
  const progressAge = gauge('progress_age_seconds', 'Since the moving recording got on; 0 if none moves');
  const standstill = gauge('standstill', 'Whether something is to move and nothing does');

  /** What each counter is called in the ledger, and what it says before anything is counted. */
  const counters: { tally: string; metric: Counter; known: Labels[] }[] = [
    {
      tally: 'recordings_accepted',
      metric: counter('recordings_accepted_total', 'Recordings that a door has taken in', ['source']),
      known: SOURCES.map((source) => ({ source })),
    },
    {
      tally: 'recordings_ended',
      metric: counter('recordings_ended_total', 'Recordings by how they ended', ['outcome']),
      known: ['done', 'failed', 'cancelled', 'deleted'].map((outcome) => ({ outcome })),
    },
    {
      tally: 'attempts_started',
      metric: counter('attempts_started_total', 'Attempts that have begun'),
      known: [{}],
    },
    {
      tally: 'attempts_ended',
      metric: counter('attempts_total', 'Attempts by how they ended', ['outcome']),
      known: ['done', 'failed', 'postponed', 'interrupted', 'handed-over'].map((outcome) => ({ outcome })),
    },
    {
      tally: 'failures',
      metric: counter('failures_total', 'Attempts that did not succeed, by error code', ['code']),
      known: [],
    },
    {
      tally: 'leg_bytes',
      metric: counter('transferred_bytes_total', 'Bytes of recordings that a leg has finished', ['leg']),
      known: options.legs.map((leg) => ({ leg })),
    },
    {
      tally: 'zoom_requests',
      metric: counter('zoom_requests_total', "Requests at Zoom's door by how their check went", ['outcome']),
      known: options.zoomOutcomes.map((outcome) => ({ outcome })),
    },
    {
      tally: 'upload_bytes',
      metric: counter('upload_received_bytes_total', 'Bytes that clients have sent to the tus server'),
      known: [{}],
    },
    {
      tally: 'upload_refusals',
      metric: counter('upload_refusals_total', 'Requests that the tus server has refused', ['code']),
      known: [],
    },
  ];

  let now: Measurements | undefined;
  registry.registerMetric(stageDurations(options, () => now?.tallies ?? []));

  function show(measured: Measurements): void {
    now = measured;
    for (const { tally, metric, known } of counters) {
      metric.reset();
      for (const labels of known) metric.inc(labels, 0);
      for (const { name, labels, value } of measured.tallies) if (name === tally) metric.inc(labels, value);
    }
    for (const state of STATES) recordings.set({ state }, measured.recordings[state] ?? 0);
    for (const [state, count] of Object.entries(measured.deliveries)) deliveries.set({ state }, count);
    const services = [...options.services, ...measured.circuits.map(({ service }) => service)];
    circuitOpen.reset();
    circuitFailures.reset();
    for (const service of new Set(services)) {
      const circuit = measured.circuits.find((each) => each.service === service);
      circuitOpen.set({ service }, Number(circuit?.isOpen ?? false));
      circuitFailures.set({ service }, circuit?.failures ?? 0);
    }
    for (const kind of options.alarmKinds) alarms.set({ kind }, measured.alarms[kind] ?? 0);
    longestWaiting.set(measured.longestWaitingS);
    uploads.set(measured.uploads);
    uploadConnections.set(measured.uploadConnections);
    diskFree.set(measured.disk.freeBytes);
    diskTotal.set(measured.disk.totalBytes);
    diskReserve.set(measured.disk.reserveBytes);
    paused.set(Number(measured.isPaused));
    siteGone.set(Number(measured.isSiteGone));
    redisUp.set(Number(measured.redis === 'ok'));
    redisConnected.set(Number(measured.redis !== 'away'));
    ledgerWritable.set(Number(measured.isLedgerWritable));
    heartbeatAge.reset();
    for (const { app, state, silentMs } of measured.apps) {
      processUp.set({ app }, Number(state === 'ok'));
      // Of one that was never heard of there is no age.
      if (state !== 'unheard') heartbeatAge.set({ app }, silentMs / 1000);
    }
    for (const metric of [hostUp, hostAge, hostFree, hostUploads, hostBound]) metric.reset();
    for (const { id: host, state, silentMs, freeBytes, uploads, bound } of measured.hosts) {
      hostUp.set({ host }, Number(state === 'ok'));
      hostAge.set({ host }, silentMs / 1000);
      if (freeBytes !== undefined) hostFree.set({ host }, freeBytes);
      hostUploads.set({ host }, uploads);
      hostBound.set({ host }, bound);
    }
    oldestDue.set(measured.dueS);
    progressAge.set(measured.progressS);
    standstill.set(Number(measured.isStandingStill));
  }

  return {
    contentType: registry.contentType,
    async text(): Promise<string> {
      show(await read());
      return await registry.metrics();
    },
  };
}

/** A histogram of what was counted elsewhere, as the registry asks for it: the library's own can only observe. */
function stageDurations(
  { durationBounds, stages }: Pick<MetricsOptions, 'durationBounds' | 'stages'>,
  read: () => Measurements['tallies'],
): Histogram {
  const name = 'sluice_stage_duration_seconds';

  function samplesOf(stage: string) {
    const own = read().filter(({ labels }) => labels['stage'] === stage);
    const buckets = own.filter((tally) => tally.name === 'stage_duration_bucket');
    const sum = own.find((tally) => tally.name === 'stage_duration_sum')?.value ?? 0;
    const upTo = (bound: number) =>
      buckets
        .filter(({ labels }) => boundOf(labels['le']) <= bound)
        .reduce((total, { value }) => total + value, 0);
    return [
      ...[...durationBounds, Number.POSITIVE_INFINITY].map((bound) => ({
        metricName: `${name}_bucket`,
        labels: { stage, le: bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound) },
        value: upTo(bound),
      })),
      { metricName: `${name}_sum`, labels: { stage }, value: sum },
      { metricName: `${name}_count`, labels: { stage }, value: upTo(Number.POSITIVE_INFINITY) },
    ];
  }

  /** The steps that were done, of whatever recipe they were. */
  const counted = () =>
    read().flatMap(({ name: tally, labels }) =>
      tally === 'stage_duration_sum' && labels['stage'] !== undefined ? [labels['stage']] : [],
    );

  const metric = {
    name,
    get: async () => ({
      name,
      help: 'How long the stages took that were done, from their last start',
      type: 'histogram',
      values: [...new Set([...stages, ...counted()])].flatMap(samplesOf),
    }),
  };
  return metric as unknown as Histogram;
}

function boundOf(le: string | undefined): number {
  return le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
}
