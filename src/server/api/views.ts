import { z } from 'zod';
import type { Attempt } from '../../desk/attempts.ts';
import type { ToldEvent } from '../../desk/history.ts';
import { OUTPUT_STATES, type OutputInSight } from '../../desk/outputs.ts';
import type { Step } from '../../desk/steps.ts';
import { ACTIONS, possibleActions } from '../../domain/actions.ts';
import { playUrl } from '../../domain/announcement.ts';
import { archivedFiles, defaultFile, storeOf } from '../../domain/archived.ts';
import type { Delivery } from '../../domain/delivery.ts';
import {
  adviceFor,
  canRetryHelp,
  ERROR_CATALOGUE,
  type ErrorCode,
  type Outlook,
} from '../../domain/error-catalogue.ts';
import { type ErrorSummary, scrubbed } from '../../domain/errors.ts';
import { isInBunny, publisherOf, type VideoFact } from '../../domain/published.ts';
import { FIRST_LANE } from '../../domain/recipe.ts';
import { RECORDING_KINDS, type Recording, SOURCES, STATES, type State } from '../../domain/recording.ts';
import type { RecordingSummary } from '../../domain/recording-summary.ts';
import { withSnakeKeys } from '../../domain/snake-keys.ts';
import { wallMs } from '../../lib/wall-time.ts';

/* What operators are shown: the schemas of the answers of `/api`, and how they are made from the ledger. */

export const time = z.iso.datetime().describe('ISO 8601, UTC');
export const bytes = z.int().nonnegative();

/** The name of a service. */
export const serviceName = z.string().describe('What /api/words has the words of');

export const errorView = z
  .object({ code: z.string(), message: z.string(), title: z.string(), advice: z.string() })
  .meta({ id: 'Error', description: 'Why something has failed, and what to do about it' });

export const recordingView = z
  .object({
    id: z.string(),
    seq: z.int().describe('Rises with each acceptance'),
    source: z.enum(SOURCES),
    kind: z.enum(RECORDING_KINDS).describe('A video, or a companion archived beside one'),
    state: z.enum(STATES),
    run_of: z.string().nullable().describe('The recording that this is a further run of'),
    host: z
      .string()
      .nullable()
      .describe(
        'The host on whose disk its bytes lie, or will; null: on none yet, or there is one host alone',
      ),
    reference: z.string().nullable().describe('What whoever has asked for the run calls it'),
    webhook_url: z.string().nullable().describe('Where they want to hear of the run, without what is secret'),
    lane: z.string().describe('In which it waits or moves'),
    wanted: z
      .enum(['set-aside', 'cancelled'])
      .nullable()
      .describe('What it is about to become, while moving'),
    actions: z.array(z.enum(ACTIONS)).describe('What can be done with it now'),
    title: z.string(),
    ace_id: z.string().nullable(),
    details: z
      .record(z.string(), z.union([z.string(), z.number(), z.null()]))
      .describe('What its source knew of it'),
    metadata: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('What its caller wants the website to hear'),
    bytes: bytes.nullable(),
    failed_attempts: z.int(),
    last_error: errorView.nullable(),
    retry_can_help: z
      .boolean()
      .describe('Whether it may come home if it is tried again, as far as its last error tells'),
    not_before: time.nullable(),
    accepted_at: time,
    started_at: time.nullable(),
    ended_at: time.nullable(),
    playable: z
      .boolean()
      .nullable()
      .describe('Whether its video or its package can be watched; null: there is neither'),
    video: z
      .object({ library_id: z.string().nullable(), video_id: z.string(), player_url: z.string() })
      .nullable()
      .describe('Where it is published first; not every publisher has libraries'),
    videos: z
      .array(
        z.object({
          publisher: z.string(),
          video_id: z.string(),
          player_url: z.string(),
          playable: z.boolean(),
        }),
      )
      .describe('Wherever it is published'),
    watch_page: z
      .string()
      .nullable()
      .describe('The path of the page on this server that plays its package; null: it has none'),
    archive: z
      .object({ store: z.string(), bucket: z.string(), file_name: z.string(), file_id: z.string() })
      .nullable()
      .describe('In the store of all that no recipe sends elsewhere'),
    archives: z
      .array(z.object({ store: z.string(), path: z.string(), file_id: z.string() }))
      .describe('In other stores: which, and where in it'),
    publishing_again: z.boolean().describe('It is being published again, from its archived file'),
    position: z.int().nullable().describe('Its place in line, from 1, if it waits and may move now'),
    companion: z
      .string()
      .nullable()
      .describe('What it is, if it is a companion: transcript, chat and the like'),
    of_video: z
      .object({ id: z.string(), title: z.string() })
      .nullable()
      .describe('The video that it belongs to, if it is a companion and that is known'),
  })
  .meta({ id: 'Recording' });
export type RecordingView = z.output<typeof recordingView>;

export const stepView = z
  .object({
    id: z.string(),
    task: z.string(),
    label: z.string().describe('What people call it, as the heading of a column; unique in its plan'),
    words: z.string().describe('The same with where its bytes come from or go to'),
    reports: z
      .enum(['bytes', 'seconds'])
      .nullable()
      .describe('In what it says how far it has come: bytes; or seconds of the film, while it encodes'),
    done: z.boolean(),
    output: z.boolean().describe('It makes outputs, and stands alone'),
    lane: z.string(),
    needs: z.array(z.string()).describe('The steps that it needs before it'),
  })
  .meta({ id: 'Step', description: 'A step of the way that a recording goes' });
export type StepView = z.output<typeof stepView>;

export const outputView = z
  .object({
    step: z.string(),
    task: z.string(),
    label: z.string(),
    state: z
      .enum(OUTPUT_STATES)
      .describe(
        'waiting: it has not begun, or waits to be tried again; encoding, uploading, running: it is being made; failed, revoked: it is not there, and will not be unless somebody asks for it',
      ),
    progress: z
      .object({
        unit: z.enum(['seconds', 'bytes']).describe('seconds: of the film, while it is encoded'),
        done: z.number(),
        total: z.number().describe('0: nobody knows'),
        left_s: z.number().nullable(),
      })
      .nullable(),
    failed_attempts: z.int(),
    error: errorView.nullable().describe('Why it has failed, or what it has met last'),
    cost: z
      .object({ cpu_s: z.number(), wall_s: z.number(), peak_rss_bytes: z.number() })
      .nullable()
      .describe('Seconds of work of all cores, seconds from start to end, the most memory; null: not done'),
    bytes: bytes.nullable().describe('All that it has put; null: not done'),
    files: z.array(
      z.object({
        key: z.string().describe('In its place of outputs'),
        address: z.string().nullable().describe('Where a browser fetches it; null: nowhere'),
        media_type: z.string(),
        bytes,
        duration_s: z.number().nullable(),
      }),
    ),
  })
  .meta({ id: 'Output', description: 'What one step makes of a recording, to be fetched by people' });
export type OutputView = z.output<typeof outputView>;

export const eventView = z
  .object({
    seq: z.int(),
    at: time,
    type: z.string(),
    words: z.string().describe('What has happened, for people'),
    data: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'Event', description: 'A line of a recording’s history' });

const stageTimesView = z.object({ started_at: time.nullable(), done_at: time.nullable() });

export const deliveryView = z
  .object({
    id: z.string(),
    type: z.string(),
    to: z.string().nullable().describe('The address of the run that it goes to; null: the website'),
    state: z.enum(['pending', 'delivered', 'failed']),
    attempts: z.int(),
    last_error: errorView.nullable(),
    created_at: time,
    ended_at: time.nullable(),
  })
  .meta({ id: 'Delivery', description: 'An announcement to the website, or to the address of a run' });

export const attemptView = z
  .object({
    number: z.int(),
    started_at: time,
    ended_at: time.nullable().describe('null: it goes on, or its worker died'),
    outcome: z
      .enum(['running', 'done', 'failed', 'postponed', 'interrupted', 'handed-over'])
      .describe('handed-over: it goes on in another lane'),
    error: errorView.nullable(),
    stages: z.array(z.object({ stage: z.string(), started_at: time, done_at: time.nullable() })),
  })
  .meta({ id: 'Attempt', description: 'One pass through the stages that were lacking' });
export type AttemptView = z.output<typeof attemptView>;

const relatedView = z.object({
  id: z.string(),
  kind: z.enum(RECORDING_KINDS),
  companion: z.string().nullable(),
  beside: z.boolean().describe('A companion of the same time, archived beside it'),
  state: z.enum(STATES),
  title: z.string(),
});

export const recordingDetailView = z
  .object({
    ...recordingView.shape,
    steps: z.array(stepView).describe('The way that it goes, in its order'),
    path: z.string().nullable().describe('The file of this server that it came from'),
    input_url: z
      .string()
      .nullable()
      .describe('Where people find the input that it was brought from, by MEDIA_IN_URL'),
    related: z.array(relatedView).describe('The other recordings of the same meeting'),
    facts: z
      .record(z.string(), z.record(z.string(), z.unknown()))
      .describe('What each finished stage has proved'),
    outputs: z.array(outputView).describe('In the order of its plan'),
    stages: z.record(z.string(), stageTimesView),
    attempts: z.array(attemptView),
    events: z.array(eventView).describe('The last 1000, oldest first'),
    deliveries: z.array(
      deliveryView.extend({
        last_try: z
          .object({
            at: time,
            status: z.int().nullable().describe('null: there was no answer'),
            answer: z.string().nullable().describe('The first 1024 characters of it'),
          })
          .nullable()
          .describe('What was answered the last time; null: nothing was sent yet, or it is long ago'),
      }),
    ),
  })
  .meta({ id: 'RecordingDetail' });

export const recordingListView = z
  .object({
    recordings: z.array(recordingView),
    next_cursor: z.string().nullable().describe('For the next page; null: this is the last'),
  })
  .meta({ id: 'RecordingList' });

export const daysView = z
  .object({
    days: z
      .array(z.object({ day: z.iso.date(), recordings: z.int(), bytes }))
      .describe('What was done on each, oldest first; the last one is today, and goes on'),
  })
  .meta({ id: 'Days', description: 'What was done, by the day' });
export type DaysView = z.output<typeof daysView>;

export const causeView = z
  .object({
    reason: z
      .enum(['time', 'trouble', 'set-aside', 'taking-back', 'failed'])
      .describe(
        'time: somebody has said when; trouble: it goes on by itself once that is over; set-aside: somebody keeps it out of the line; taking-back: it was cancelled; failed: it was given up',
      ),
    code: z.string().nullable().describe('What has happened, as in docs/errors.md'),
    service: serviceName.nullable().describe('The service that they wait for'),
    title: z.string().nullable(),
    advice: z.string().nullable(),
    retry_can_help: z.boolean(),
    count: z.int(),
    next_at: time.nullable().describe('When the first of them goes on by itself'),
    last_at: time.nullable().describe('When the last of them has failed'),
    recordings: z.array(recordingView).describe('The first of them that go on, or the last that have failed'),
  })
  .meta({ id: 'Cause', description: 'Recordings that the same thing keeps from moving' });
export type CauseView = z.output<typeof causeView>;

export const overviewView = z
  .object({
    in_line: z.int().describe('How many wait for nothing but their turn'),
    line: z.array(recordingView).describe('The first of them'),
    held: z.array(causeView).describe('Those that wait for anything else, by what keeps them'),
    failed: z.array(causeView).describe('Those that were given up, by what they have met'),
    done_since: z.int().describe('How many were done since the time that was named'),
    done: z.array(recordingView).describe('The last of all'),
  })
  .meta({ id: 'Overview' });
export type OverviewView = z.output<typeof overviewView>;

/** A recording as operators see it. Where a download comes from stays inside: its address is half a secret. */
export function viewRecording(summary: RecordingSummary): RecordingView {
  const { recording, facts, videos, playback, isPlayable, isAnnounced, position, ofVideo } = summary;
  const archive = defaultFile(facts);
  const video = videos[0]?.video;
  return {
    id: recording.id,
    seq: recording.seq,
    source: recording.source,
    run_of: recording.runOf ?? null,
    host: recording.host ?? null,
    reference: recording.reference ?? null,
    webhook_url: recording.webhookUrl === undefined ? null : scrubbed(recording.webhookUrl),
    lane: recording.lane ?? FIRST_LANE,
    kind: recording.kind,
    state: recording.state,
    wanted: recording.wanted,
    actions: possibleActions(recording, { isAnnounced, isShown: videos.length > 0, nowMs: wallMs() }),
    title: recording.title,
    ace_id: recording.aceId,
    details: { ...recording.details },
    ...(recording.metadata === undefined ? {} : { metadata: { ...recording.metadata } }),
    bytes: recording.bytes,
    failed_attempts: recording.failedAttempts,
    last_error: viewError(recording.lastError, outlookOf(recording.state)),
    retry_can_help: canHelp(recording.lastError?.code),
    not_before: recording.notBeforeMs === 0 ? null : iso(recording.notBeforeMs),
    accepted_at: iso(recording.acceptedAtMs),
    started_at: isoOrNull(recording.startedAtMs),
    ended_at: isoOrNull(recording.endedAtMs),
    playable: video === undefined && playback === undefined ? null : isPlayable,
    video: video === undefined ? null : { library_id: libraryOf(video), ...viewVideo(video) },
    videos: videos.map((each) => ({
      publisher: publisherOf(each.video.videoId),
      ...viewVideo(each.video),
      playable: each.isPlayable,
    })),
    watch_page: playback === undefined ? null : `/watch/${recording.id}`,
    archive:
      archive === undefined
        ? null
        : {
            store: storeOf(archive),
            bucket: archive.bucket,
            file_name: archive.fileName,
            file_id: archive.fileId,
          },
    archives: archivedFiles(facts)
      .filter((file) => file !== archive)
      .map((file) => ({
        store: storeOf(file),
        path: `${file.bucket}/${file.fileName}`,
        file_id: file.fileId,
      })),
    publishing_again: recording.isFromArchive === true,
    position: position ?? null,
    companion: companionOf(recording),
    of_video: ofVideo ?? null,
  };
}

function viewVideo(video: VideoFact) {
  return { video_id: video.videoId, player_url: playUrl(video) };
}

function libraryOf(video: VideoFact): string | null {
  return isInBunny(video) ? video.libraryId : null;
}

/**
 * Another recording of the same meeting: the transcript of a video, or the next part.
 *
 * @param beside Whether it is a companion that belongs to the recording that is shown
 */
export function viewRelated(recording: Recording, beside: boolean): z.output<typeof relatedView> {
  const { id, kind, state, title } = recording;
  return {
    id,
    kind,
    companion: companionOf(recording),
    beside,
    state,
    title,
  };
}

function companionOf({ details }: Recording): string | null {
  const { companion } = details;
  return typeof companion === 'string' ? companion : null;
}

/**
 * An error with what it means and what to do about it.
 *
 * @param advice What to do, where that is known better than by the code: else by what becomes of what has met the error.
 */
export function viewError(
  error: ErrorSummary | null | undefined,
  advice: Outlook | { readonly advice: string },
): z.output<typeof errorView> | null {
  if (!error) return null;
  // An older version may have written a code that is no more.
  const code = error.code in ERROR_CATALOGUE ? error.code : 'UNEXPECTED';
  const [title] = ERROR_CATALOGUE[code];
  return {
    code: error.code,
    message: error.message,
    title,
    advice: typeof advice === 'string' ? adviceFor(code, advice) : advice.advice,
  };
}

/** Whether trying again may help those that have met this; of nothing, and of a code that is no more, it may. */
export function canHelp(code: string | undefined): boolean {
  return code === undefined || !Object.hasOwn(ERROR_CATALOGUE, code) || canRetryHelp(code as ErrorCode);
}

/** What becomes of a recording by itself. */
export function outlookOf(state: State): Outlook {
  return state === 'failed' || state === 'set-aside' || state === 'cancelled' ? 'failed' : 'goes-on';
}

export function viewEvent({ seq, atMs, type, words, data }: ToldEvent): z.output<typeof eventView> {
  return { seq, at: iso(atMs), type, words, data: withSnakeKeys(data) };
}

export function viewStep({ isDone, isOutput, needs, ...step }: Step): StepView {
  return { ...step, done: isDone, output: isOutput, needs: [...needs] };
}

export function viewOutput({ step, state, progress, stand, cost, bytes, files }: OutputInSight): OutputView {
  return {
    step: step.id,
    task: step.task,
    label: step.label,
    state,
    progress:
      progress === undefined
        ? null
        : {
            unit: progress.unit,
            done: progress.done,
            total: progress.total,
            left_s: progress.leftS ?? null,
          },
    failed_attempts: stand?.failedAttempts ?? 0,
    error: viewError(stand?.error, state === 'failed' ? 'failed' : 'goes-on'),
    cost:
      cost === undefined ? null : { cpu_s: cost.cpuS, wall_s: cost.wallS, peak_rss_bytes: cost.peakRssBytes },
    bytes: bytes ?? null,
    files: files.map(({ key, address, mediaType, bytes, durationS }) => ({
      key,
      address,
      media_type: mediaType,
      bytes,
      duration_s: durationS,
    })),
  };
}

/** @param outlook Of the recording */
export function viewAttempt(attempt: Attempt, outlook: Outlook): AttemptView {
  const { number, startedAtMs, endedAtMs, outcome, error, stages } = attempt;
  return {
    number,
    started_at: iso(startedAtMs),
    ended_at: isoOrNull(endedAtMs),
    outcome,
    error: viewError(error, outlook),
    stages: stages.map(({ stage, startedAtMs, doneAtMs }) => ({
      stage,
      started_at: iso(startedAtMs),
      done_at: isoOrNull(doneAtMs),
    })),
  };
}

export function viewDelivery(delivery: Delivery): z.output<typeof deliveryView> {
  const { id, type, url, state, attempts, lastError, createdAtMs, endedAtMs } = delivery;
  const check =
    url === null ? 'the website takes announcements (sluice doctor)' : 'its address answers with 2xx';
  return {
    id,
    type,
    to: url === null ? null : scrubbed(url),
    state,
    attempts,
    last_error: viewError(
      lastError,
      state === 'failed' ? { advice: `See that ${check}, then: sluice replay ${id}` } : 'goes-on',
    ),
    created_at: iso(createdAtMs),
    ended_at: isoOrNull(endedAtMs),
  };
}

export function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}

export function isoOrNull(atMs: number | null | undefined): string | null {
  return atMs === null || atMs === undefined ? null : iso(atMs);
}
