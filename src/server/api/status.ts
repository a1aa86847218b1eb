import type { z } from 'zod';
import { type Trouble, troublesOf } from '../../desk/troubles.ts';
import type { Vitals, VitalsWatch } from '../../desk/vitals.ts';
import type { ErrorSummary } from '../../domain/errors.ts';
import type { ProgressMessage } from '../../domain/progress.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { spaceOf } from '../../lib/disk.ts';
import { type UnfinishedUpload, unfinishedUploads } from '../../lib/upload-bytes.ts';
import { SERVICES } from '../../outside/words.ts';
import { lineLeft } from './line-left.ts';
import type { Steps } from './steps.ts';
import {
  iso,
  isoOrNull,
  type ServiceView,
  type statusView,
  viewError,
  viewRecording,
  viewTrouble,
} from './views.ts';

export type StatusView = z.output<typeof statusView>;

/** The part of the status that tells how the world around the line is. */
export type Surroundings = Pick<
  StatusView,
  'paused' | 'site_gone' | 'redis' | 'troubles' | 'processes' | 'given_up' | 'disk' | 'services' | 'line'
>;

/** How this installation stands. */
export interface Status {
  read(): Promise<StatusView>;
  surroundings(): Promise<Surroundings>;
  vitals(): Promise<{ readonly vitals: Vitals; readonly troubles: readonly Trouble[] }>;
}

export interface StatusOptions {
  readonly ledger: Pick<Ledger, 'overview' | 'switches' | 'circuits' | 'deliveries' | 'lineAhead'>;
  readonly version: string;
  /** The disk of this folder is the one that recordings are staged on. */
  readonly dataDir: string;
  readonly diskReserveBytes: number;
  /** What is depended on, by the names of the circuits. */
  readonly services: readonly string[];
  readonly vitals: Pick<VitalsWatch, 'look'>;
  readonly silentAfterMs: number;
  readonly steps: Steps;
  /** The last that the worker has told of this recording. */
  readonly legsOf: (recordingId: string) => ProgressMessage['legs'] | undefined;
}

export function createStatus(options: StatusOptions): Status {
  const { overview, switches, circuits, deliveries } = options.ledger;

  async function services(siteGone: string | null): Promise<ServiceView[]> {
    const failing = await circuits.all();
    const names = new Set([...options.services, ...failing.map(({ service }) => service)]);
    const remote = [...names].map((service): ServiceView => {
      const circuit = failing.find((each) => each.service === service);
      if (circuit === undefined) return { service, state: 'ok', open_until: null, last_error: null };
      const { openUntilMs, lastError } = circuit;
      const isOpen = openUntilMs > Date.now();
      return {
        service,
        state: isOpen ? 'open' : 'failing',
        open_until: isOpen ? iso(openUntilMs) : null,
        last_error: viewServiceError(service, lastError),
      };
    });
    const siteError = await deliveries.lastError();
    const siteState = siteError === undefined ? 'ok' : 'failing';
    return [
      ...remote,
      {
        service: 'site',
        state: siteGone === null ? siteState : 'open',
        open_until: null,
        last_error: viewServiceError('site', siteError),
      },
    ];
  }

  async function vitals() {
    const seen = await options.vitals.look();
    // Throws if the ledger cannot be read, whatever was seen a moment ago.
    await switches.get('line.paused');
    const last = seen.givenUp === 0 ? undefined : (await deliveries.givenUp(1))[0];
    return { vitals: seen, troubles: troublesOf(seen, options, last) };
  }

  async function surroundings(): Promise<Surroundings> {
    const siteGone = (await switches.get('site.gone')) ?? null;
    const { freeBytes, totalBytes } = await spaceOf(options.dataDir);
    const { vitals: seen, troubles } = await vitals();
    const isPaused = (await switches.get('line.paused')) !== undefined;
    const moving = (await overview.moving())?.recording;
    return {
      paused: isPaused,
      line: await lineLeft({
        ...options.ledger,
        moving,
        legs: moving && options.legsOf(moving.id),
        isPaused,
      }),
      site_gone: siteGone,
      redis: seen.redis.state,
      troubles: troubles.map(viewTrouble),
      processes: seen.apps.map(({ app, state, silentMs, version }) => ({
        process: app,
        state,
        // In steps, so that listeners are not told of each second.
        silent_s: state === 'silent' ? Math.floor(silentMs / 10_000) * 10 : 0,
        version: version ?? null,
      })),
      given_up: seen.givenUp,
      disk: { free_bytes: freeBytes, total_bytes: totalBytes, reserve_bytes: options.diskReserveBytes },
      services: await services(siteGone),
    };
  }

  return {
    surroundings,
    vitals,
    async read() {
      const nowMs = Date.now();
      const moving = await overview.moving();
      return {
        version: options.version,
        now: iso(nowMs),
        ...(await surroundings()),
        counts: await overview.counts(),
        uploads: await countBytes(`${options.dataDir}/uploads`),
        oldest_waiting_at: isoOrNull(await overview.oldestWaitingAtMs()),
        moving:
          moving === undefined
            ? null
            : { ...viewRecording(moving), steps: await options.steps.of(moving.recording) },
        day: (await overview.lastDay(nowMs)).map(({ startsAtMs, recordings, bytes }) => ({
          hour: iso(startsAtMs),
          recordings,
          bytes,
        })),
        circuits: (await circuits.all()).map(({ service, failures, openUntilMs, lastError }) => ({
          service,
          failures,
          open_until: openUntilMs > nowMs ? iso(openUntilMs) : null,
          last_error: lastError,
        })),
      };
    },
  };
}

async function countBytes(folder: string): Promise<StatusView['uploads']> {
  const uploads = await unfinishedUploads(folder);
  const sum = (bytesOf: (upload: UnfinishedUpload) => number) =>
    uploads.reduce((total, upload) => total + bytesOf(upload), 0);
  return {
    unfinished: uploads.length,
    received_bytes: sum(({ receivedBytes }) => receivedBytes),
    total_bytes: sum(({ totalBytes }) => totalBytes),
  };
}

function viewServiceError(service: string, error: ErrorSummary | undefined) {
  return error === undefined ? null : viewError(error, { advice: SERVICES.adviceFor(service, error.code) });
}
