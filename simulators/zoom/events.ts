import type { Downloads } from './downloads.ts';
import type { FileState, Meeting, MeetingFile, MeetingStore } from './meetings.ts';
import { mergePatch } from './merge-patch.ts';
import { toRecordingObject, type ZoomRecording } from './recording-object.ts';
import type { Tokens } from './tokens.ts';

/** The body of a webhook about a recording. `event_ts` is Unix milliseconds; the token stands beside the payload. */
export interface ZoomEvent {
  readonly event: string;
  readonly event_ts: number;
  readonly payload: {
    readonly account_id: string;
    readonly operator?: string;
    readonly operator_id?: string;
    readonly object: ZoomRecording & { readonly host_email: string; readonly on_prem: boolean };
  };
  readonly download_token?: string;
}

/** Changes to an event, as a JSON merge patch: `{event_ts: 1, payload: {object: {duration: 0}}, download_token: null}`. */
export type EventOverrides = Readonly<Record<string, unknown>>;

/** Names a meeting by its uuid. */
export type MeetingRef = Pick<Meeting, 'uuid'>;

/** Builds the bodies of webhooks; each body has download URLs and a token of its own, and earlier ones stay valid. */
export interface Events {
  /** `recording.completed`; its token is counted from `event_ts`, so that an old event carries an expired one. */
  recordingCompleted(meeting: MeetingRef, overrides?: EventOverrides): ZoomEvent;
  /** Finishes the meeting's transcript and tells of it: `recording.transcript_completed`. */
  transcriptCompleted(meeting: MeetingRef, overrides?: EventOverrides): ZoomEvent;
  /** Moves the meeting's files to the trash and tells of it: `recording.trashed`. */
  trash(meeting: MeetingRef, overrides?: EventOverrides): ZoomEvent;
  /** Removes the meeting's files for good and tells of it: `recording.deleted`, which carries no token. */
  deleted(meeting: MeetingRef, overrides?: EventOverrides): ZoomEvent;
  /** Takes the meeting's files back from the trash and tells of it: `recording.recovered`. */
  recovered(meeting: MeetingRef, overrides?: EventOverrides): ZoomEvent;
}

/** What the events are built from. */
export interface EventsOptions {
  readonly store: MeetingStore;
  readonly tokens: Tokens;
  readonly downloads: Downloads;
  readonly accountId: string;
  readonly tokenTtlMs: number;
  readonly webUrl: () => string;
}

/** Creates the builder of webhook bodies (Zoom, webhooks: recording events). */
export function createEvents(options: EventsOptions): Events {
  const { store, tokens, downloads, accountId, tokenTtlMs, webUrl } = options;

  function find(ref: MeetingRef): Meeting {
    const meeting = store.byUuid(ref.uuid);
    if (!meeting) throw new Error(`no meeting ${ref.uuid}`);
    return meeting;
  }

  function build(
    event: string,
    meeting: Meeting,
    files: readonly MeetingFile[] | undefined,
    overrides: EventOverrides,
    operator: object = {},
  ): ZoomEvent {
    const toldAtMs = overrides['event_ts'];
    const issuedAtMs = typeof toldAtMs === 'number' ? toldAtMs : Date.now();
    const context = { accountId, webUrl: webUrl(), downloadUrl: downloads.webhookUrl };
    const object = toRecordingObject(meeting, context, files);
    const body: ZoomEvent = {
      event,
      event_ts: issuedAtMs,
      payload: {
        account_id: accountId,
        ...operator,
        object: { ...object, host_email: meeting.hostEmail, on_prem: false },
      },
      download_token: tokens.issue({
        kind: 'webhook',
        mid: meeting.uuid,
        userId: meeting.hostId,
        issuedAtMs,
        ttlMs: tokenTtlMs,
      }),
    };
    // The patch may break the shape on purpose; whoever asks for that knows.
    return mergePatch(body, overrides) as ZoomEvent;
  }

  function moved(
    event: string,
    ref: MeetingRef,
    from: readonly FileState[],
    to: FileState,
    overrides: EventOverrides,
  ): ZoomEvent {
    const meeting = find(ref);
    const files = meeting.files.filter((file) => from.includes(file.state));
    store.move(meeting, from, to);
    const operator = { operator: meeting.hostEmail, operator_id: meeting.hostId };
    return build(event, meeting, files, overrides, operator);
  }

  return {
    recordingCompleted(ref, overrides = {}) {
      return build('recording.completed', find(ref), undefined, overrides);
    },
    transcriptCompleted(ref, overrides = {}) {
      const meeting = find(ref);
      return build('recording.transcript_completed', meeting, store.finishTranscripts(meeting), overrides);
    },
    trash: (ref, overrides = {}) => moved('recording.trashed', ref, ['present'], 'trashed', overrides),
    deleted(ref, overrides = {}) {
      const from = ['present', 'trashed'] as const;
      return moved('recording.deleted', ref, from, 'deleted', { download_token: null, ...overrides });
    },
    recovered: (ref, overrides = {}) => moved('recording.recovered', ref, ['trashed'], 'present', overrides),
  };
}
