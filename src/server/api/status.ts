import { z } from 'zod';
import type { StandingNews } from '../../desk/live.ts';
import type { HostInSight, ServiceStand, Standing, Surroundings } from '../../desk/status.ts';
import type { Trouble } from '../../desk/troubles.ts';
import type { Words } from '../../desk/words.ts';
import { APPS } from '../../domain/apps.ts';
import { STATES } from '../../domain/recording.ts';
import {
  bytes,
  errorView,
  iso,
  isoOrNull,
  recordingView,
  serviceName,
  stepView,
  time,
  viewError,
  viewRecording,
  viewStep,
} from './views.ts';

/* How this installation stands, as operators are shown it. */

const serviceView = z
  .object({
    service: serviceName,
    state: z.enum(['ok', 'failing', 'open']).describe('open: it is left alone for a while'),
    open_until: time.nullable(),
    last_error: errorView.nullable(),
  })
  .meta({ id: 'Service' });
export type ServiceView = z.output<typeof serviceView>;

const processView = z
  .object({
    process: z.enum(APPS),
    state: z
      .enum(['ok', 'silent', 'unheard'])
      .describe('silent: it was heard of, but not lately; unheard: it never was'),
    silent_s: z.int().nonnegative().describe('Since its last sign of life'),
    version: z.string().nullable(),
  })
  .meta({ id: 'Process' });

export const hostView = z
  .object({
    host: z.string(),
    own: z.boolean().describe('Whether it is the one that answers'),
    state: z.enum(['ok', 'silent']),
    silent_s: z.int().nonnegative().describe('Since the last sign of life of its worker'),
    address: z.string().nullable().describe('Where its tus server is for the other hosts'),
    version: z.string(),
    free_bytes: bytes.nullable(),
    total_bytes: bytes.nullable(),
    uploads: z.int().describe('Of tutors that lie on its disk and have not arrived as a whole'),
    upload_bytes: bytes.describe('What those are to have in all'),
    recordings: z.int().describe('Unfinished ones whose bytes lie on its disk'),
    bound: z.int().describe('Those of them whose bytes lie nowhere else: they wait for it'),
  })
  .meta({ id: 'Host' });
export type HostView = z.output<typeof hostView>;

/** The one that moves, with the steps of its way. */
const movingView = z.object({ ...recordingView.shape, steps: z.array(stepView) }).meta({ id: 'Moving' });

const diskView = z.object({ free_bytes: bytes, total_bytes: bytes, reserve_bytes: bytes });

/** The schema of the status, with the kinds of alarms that there are. */
export function statusViewOf({ alarmKinds }: Pick<Words, 'alarmKinds'>) {
  const troubleView = z
    .object({
      kind: z.enum(['ledger', ...alarmKinds]),
      title: z.string(),
      detail: z.string(),
      advice: z.string(),
      recording_id: z.string().nullable(),
      blocking: z.boolean().describe('Whether recordings cannot come in or move because of it'),
    })
    .meta({ id: 'Trouble', description: 'Something of Sluice’s own that does not move' });

  return z
    .object({
      version: z.string(),
      paused: z.boolean(),
      site_gone: z.string().nullable().describe('The address that wants no announcements any more'),
      now: time,
      counts: z.partialRecord(z.enum(STATES), z.int()),
      oldest_waiting_at: time.nullable(),
      moving: movingView.nullable(),
      uploads: z
        .object({ unfinished: z.int(), received_bytes: bytes, total_bytes: bytes })
        .describe('Uploads of tutors that have not arrived as a whole'),
      line: z
        .object({
          left_bytes: bytes
            .nullable()
            .describe('Of what moves and of what may move now; null: a length is not known'),
          left_s: z.number().nullable().describe('By the speed of late; null where nobody can know it'),
        })
        .describe('What is left of the line'),
      redis: z.enum(['ok', 'away', 'refusing']).describe('refusing: it answers, and takes no writes'),
      troubles: z
        .array(troubleView)
        .describe('What does not move, the worst first; none: all that should move does'),
      processes: z.array(processView).describe('Of the host that answers'),
      hosts: z.array(hostView).describe('All hosts, where the ledger is in Postgres; else none'),
      given_up: z.int().describe('Announcements that the website has not heard and is not told again'),
      disk: diskView,
      services: z.array(serviceView),
      day: z
        .array(z.object({ hour: time, recordings: z.int(), bytes }))
        .describe('What was done in each of the last 24 hours, oldest first'),
      circuits: z.array(
        z.object({
          service: z.string(),
          failures: z.int(),
          open_until: time.nullable(),
          last_error: z.object({ code: z.string(), message: z.string() }),
        }),
      ),
    })
    .meta({ id: 'Status' });
}
export type StatusView = z.output<ReturnType<typeof statusViewOf>>;

/** The part of the status that tells how the world around the line is. */
type SurroundingsView = Pick<
  StatusView,
  | 'paused'
  | 'site_gone'
  | 'redis'
  | 'troubles'
  | 'processes'
  | 'hosts'
  | 'given_up'
  | 'disk'
  | 'services'
  | 'line'
>;

/** The part of the status that listeners are told of. */
export type StandingNewsView = SurroundingsView & Pick<StatusView, 'counts'>;

export function viewStatus(standing: Standing): StatusView {
  const { version, nowMs, counts, uploads, oldestWaitingAtMs, moving, day, circuits } = standing;
  return {
    version,
    now: iso(nowMs),
    ...viewSurroundings(standing),
    counts,
    uploads: {
      unfinished: uploads.unfinished,
      received_bytes: uploads.receivedBytes,
      total_bytes: uploads.totalBytes,
    },
    oldest_waiting_at: isoOrNull(oldestWaitingAtMs),
    moving:
      moving === undefined ? null : { ...viewRecording(moving.summary), steps: moving.steps.map(viewStep) },
    day: day.map(({ startsAtMs, recordings, bytes }) => ({ hour: iso(startsAtMs), recordings, bytes })),
    circuits: circuits.map(({ service, failures, openUntilMs, lastError }) => ({
      service,
      failures,
      open_until: openUntilMs > nowMs ? iso(openUntilMs) : null,
      last_error: lastError,
    })),
  };
}

export function viewStandingNews(news: StandingNews): StandingNewsView {
  return { ...viewSurroundings(news), counts: news.counts };
}

function viewSurroundings(surroundings: Surroundings): SurroundingsView {
  const { isPaused, line, siteGone, redis, troubles, apps, hosts, givenUp, disk, services } = surroundings;
  return {
    paused: isPaused,
    line: { left_bytes: line.leftBytes ?? null, left_s: line.leftS ?? null },
    site_gone: siteGone ?? null,
    redis,
    troubles: troubles.map(viewTrouble),
    processes: apps.map(({ app, state, silentS, version }) => ({
      process: app,
      state,
      silent_s: silentS,
      version: version ?? null,
    })),
    hosts: hosts.map(viewHost),
    given_up: givenUp,
    disk: { free_bytes: disk.freeBytes, total_bytes: disk.totalBytes, reserve_bytes: disk.reserveBytes },
    services: services.map(viewService),
  };
}

export function viewHost(host: HostInSight): HostView {
  return {
    host: host.id,
    own: host.isOwn,
    state: host.state,
    silent_s: host.silentS,
    address: host.address,
    version: host.version,
    free_bytes: host.freeBytes ?? null,
    total_bytes: host.totalBytes ?? null,
    uploads: host.uploads,
    upload_bytes: host.uploadBytes,
    recordings: host.recordings,
    bound: host.bound,
  };
}

function viewService({ service, state, openUntilMs, lastError, advice }: ServiceStand): ServiceView {
  return {
    service,
    state,
    open_until: isoOrNull(openUntilMs),
    last_error: viewError(lastError, { advice: advice ?? '' }),
  };
}

function viewTrouble(trouble: Trouble): StatusView['troubles'][number] {
  const { kind, title, detail, advice, recordingId, isBlocking } = trouble;
  return { kind, title, detail, advice, recording_id: recordingId ?? null, blocking: isBlocking };
}
