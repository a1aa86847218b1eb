import type { App } from '../domain/apps.ts';
import type { ErrorSummary } from '../domain/errors.ts';
import type { State } from '../domain/recording.ts';
import type { RecordingSummary } from '../domain/recording-summary.ts';
import type { Services } from '../domain/services.ts';
import type { Circuit } from '../ledger/circuits.ts';
import type { Host } from '../ledger/hosts.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { HourDone } from '../ledger/overview.ts';
import { spaceOf } from '../lib/disk.ts';
import { type UnfinishedUpload, unfinishedUploads } from '../lib/upload-bytes.ts';
import { wallMs } from '../lib/wall-time.ts';
import { type LineLeft, lineLeft } from './line-left.ts';
import type { ProgressBoard } from './progress-board.ts';
import type { Step, Steps } from './steps.ts';
import { type Trouble, troublesOf } from './troubles.ts';
import type { AppVital, HostVital, Vitals, VitalsWatch } from './vitals.ts';

/** How a service that is depended on does. */
export interface ServiceStand {
  readonly service: string;
  /** `open`: it is left alone for a while. */
  readonly state: 'ok' | 'failing' | 'open';
  readonly openUntilMs: number | undefined;
  readonly lastError: ErrorSummary | undefined;
  /** What to do about that. */
  readonly advice: string | undefined;
}

/** A machine of several. */
export interface HostInSight extends Omit<Host, 'beats' | 'seenAtMs'> {
  /** Whether it is the one that was asked. */
  readonly isOwn: boolean;
  readonly state: HostVital['state'];
  readonly silentS: number;
}

/** How the world around the line is. */
export interface Surroundings {
  readonly isPaused: boolean;
  readonly line: LineLeft;
  /** The address that wants no announcements any more. */
  readonly siteGone: string | undefined;
  readonly redis: Vitals['redis']['state'];
  /** What does not move, the worst first. */
  readonly troubles: readonly Trouble[];
  readonly apps: readonly {
    readonly app: App;
    readonly state: AppVital['state'];
    readonly silentS: number;
    readonly version: string | undefined;
  }[];
  /** The machines, where there may be several. */
  readonly hosts: readonly HostInSight[];
  /** Announcements that the website has not heard and is not told again. */
  readonly givenUp: number;
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number; readonly reserveBytes: number };
  readonly services: readonly ServiceStand[];
}

/** How this installation stands. */
export interface Standing extends Surroundings {
  readonly version: string;
  readonly nowMs: number;
  readonly counts: Partial<Record<State, number>>;
  /** Uploads of tutors that have not arrived as a whole. */
  readonly uploads: {
    readonly unfinished: number;
    readonly receivedBytes: number;
    readonly totalBytes: number;
  };
  readonly oldestWaitingAtMs: number | undefined;
  readonly moving: { readonly summary: RecordingSummary; readonly steps: readonly Step[] } | undefined;
  /** What was done in each of the last 24 hours, oldest first. */
  readonly day: readonly HourDone[];
  readonly circuits: readonly Circuit[];
}

export interface Status {
  read(): Promise<Standing>;
  surroundings(): Promise<Surroundings>;
  /** @throws what the ledger throws where it cannot be read, whatever was seen a moment ago */
  vitals(): Promise<{ readonly vitals: Vitals; readonly troubles: readonly Trouble[] }>;
}

export interface StatusOptions {
  readonly ledger: Pick<Ledger, 'overview' | 'switches' | 'circuits' | 'deliveries' | 'hosts' | 'lineAhead'>;
  readonly version: string;
  /** The disk of this folder is the one that recordings are staged on. */
  readonly dataDir: string;
  readonly diskReserveBytes: number;
  /** The names of the services that are depended on, by those of their circuits. */
  readonly serviceNames: readonly string[];
  readonly services: Services;
  readonly vitals: Pick<VitalsWatch, 'look'>;
  readonly silentAfterMs: number;
  readonly steps: Steps;
  readonly progress: Pick<ProgressBoard, 'legsOf'>;
}

export function createStatus(options: StatusOptions): Status {
  const { overview, switches, circuits, deliveries } = options.ledger;

  function stand(
    service: string,
    state: ServiceStand['state'],
    {
      openUntilMs,
      lastError,
    }: { openUntilMs?: number | undefined; lastError?: ErrorSummary | undefined } = {},
  ): ServiceStand {
    const advice = lastError && options.services.adviceFor(service, lastError.code);
    return { service, state, openUntilMs, lastError, advice };
  }

  async function services(siteGone: string | undefined): Promise<ServiceStand[]> {
    const failing = await circuits.all();
    const names = new Set([...options.serviceNames, ...failing.map(({ service }) => service)]);
    const remote = [...names].map((service) => {
      const circuit = failing.find((each) => each.service === service);
      if (circuit === undefined) return stand(service, 'ok');
      const { openUntilMs, lastError } = circuit;
      return openUntilMs > wallMs()
        ? stand(service, 'open', { openUntilMs, lastError })
        : stand(service, 'failing', { lastError });
    });
    const lastError = await deliveries.lastError();
    const siteState = lastError === undefined ? 'ok' : 'failing';
    return [...remote, stand('site', siteGone === undefined ? siteState : 'open', { lastError })];
  }

  async function vitals() {
    const seen = await options.vitals.look();
    // Throws if the ledger cannot be read, whatever was seen a moment ago.
    await switches.get('line.paused');
    const last = seen.givenUp === 0 ? undefined : (await deliveries.givenUp(1))[0];
    return { vitals: seen, troubles: troublesOf(seen, options, last, options.ledger.hosts.own) };
  }

  async function surroundings(): Promise<Surroundings> {
    const siteGone = await switches.get('site.gone');
    const { freeBytes, totalBytes } = await spaceOf(options.dataDir);
    const { vitals: seen, troubles } = await vitals();
    const isPaused = (await switches.get('line.paused')) !== undefined;
    const moving = (await overview.moving())?.recording;
    return {
      isPaused,
      line: await lineLeft({
        ...options.ledger,
        moving,
        legs: moving && options.progress.legsOf(moving.id),
        isPaused,
      }),
      siteGone,
      redis: seen.redis.state,
      troubles,
      apps: seen.apps.map(({ app, state, silentMs, version }) => ({
        app,
        state,
        silentS: state === 'silent' ? inSteps(silentMs) : 0,
        version,
      })),
      hosts: seen.hosts.map(({ host: { beats: _, seenAtMs: __, ...host }, state, silentMs }) => ({
        ...host,
        isOwn: host.id === options.ledger.hosts.own,
        state,
        silentS: state === 'silent' ? inSteps(silentMs) : 0,
      })),
      givenUp: seen.givenUp,
      disk: { freeBytes, totalBytes, reserveBytes: options.diskReserveBytes },
      services: await services(siteGone),
    };
  }

  return {
    surroundings,
    vitals,
    async read() {
      const nowMs = wallMs();
      const moving = await overview.moving();
      return {
        version: options.version,
        nowMs,
        ...(await surroundings()),
        counts: await overview.counts(),
        uploads: await countBytes(`${options.dataDir}/uploads`),
        oldestWaitingAtMs: await overview.oldestWaitingAtMs(),
        moving: moving && { summary: moving, steps: await options.steps.of(moving.recording) },
        day: await overview.lastDay(nowMs),
        circuits: await circuits.all(),
      };
    },
  };
}

/** Whole tens of seconds, so that listeners are not told of each one. */
function inSteps(ms: number): number {
  return Math.floor(ms / 10_000) * 10;
}

async function countBytes(folder: string): Promise<Standing['uploads']> {
  const uploads = await unfinishedUploads(folder);
  const sum = (bytesOf: (upload: UnfinishedUpload) => number) =>
    uploads.reduce((total, upload) => total + bytesOf(upload), 0);
  return {
    unfinished: uploads.length,
    receivedBytes: sum(({ receivedBytes }) => receivedBytes),
    totalBytes: sum(({ totalBytes }) => totalBytes),
  };
}
