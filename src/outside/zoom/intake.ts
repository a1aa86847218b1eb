import type { Logger } from 'pino';
import type { Intake } from '../../desk/intake.ts';
import { KnownError } from '../../domain/errors.ts';
import { recordingId } from '../../domain/ids.ts';
import type { FoundBy, NewRecording, Recording, RecordingKind } from '../../domain/recording.ts';
import type { Locks } from '../../ledger/locks.ts';
import type { Accepted, Recordings } from '../../ledger/recordings.ts';
import { sha256 } from '../../lib/digest.ts';
import { wallMs } from '../../lib/wall-time.ts';
import type { ZoomAnnouncement } from './event.ts';
import { aboutMeeting, keyOf, meetingGroup, type ZoomFile } from './meeting.ts';
import {
  type Choice,
  type IgnoreReason,
  type KnownFile,
  planFile,
  planMeeting,
  type ZoomDefaults,
} from './plan.ts';
import type { ZoomRule } from './rules.ts';
import type { IgnoredInput, ZoomIgnored } from './tables/ignored.ts';

/** What has become of a meeting's files. */
export interface ZoomTaken {
  readonly accepted: readonly Accepted[];
  readonly ignored: readonly { readonly file: ZoomFile; readonly reason: string; readonly why: string }[];
}

/** A recording that is not here yet. */
export interface Expected {
  readonly id: string;
  readonly title: string;
  readonly kind: RecordingKind;
  /** `null` where Zoom does not say. */
  readonly bytes: number | null;
}

/** How news come that are no event. */
export interface Finding {
  readonly foundBy: FoundBy;
  /** Where it stands in line; default 0. */
  readonly place?: number;
  /** Leaves what the ledger has as it is; what is left with Zoom is not noted again and again. */
  readonly isNewOnly?: boolean;
}

/** Recordings that Zoom does not tell, of a host or on a page of a listing. */
export interface Untold {
  readonly accountId: string | null;
  readonly reason: Extract<IgnoreReason, 'host-refused' | 'unreadable'>;
  readonly host: string | null;
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

/** Takes in what Zoom has to offer of a meeting, whoever brought the news of it: files by the rules, the rest noted. */
export interface ZoomIntake {
  take(announcement: ZoomAnnouncement, rules: readonly ZoomRule[], finding?: Finding): Promise<ZoomTaken>;
  /**
   * Takes one file that was left with Zoom, though a rule or a setting says otherwise.
   *
   * @throws KnownError `ZOOM_RECORDING_NOT_FOUND`, or `WRONG_STATE` if it cannot be had as it is
   */
  takeLeft(announcement: ZoomAnnouncement, rules: readonly ZoomRule[], key: string): Promise<Accepted>;
  /** What would be new here of a meeting; nothing is taken or noted. */
  expect(announcement: ZoomAnnouncement, rules: readonly ZoomRule[]): Promise<Expected[]>;
  /** Notes that a meeting was announced which is none of ours. */
  refuse(announcement: ZoomAnnouncement, why: string): Promise<void>;
  /** Notes that Zoom has sent something in which there is no meeting. */
  leaveUnread(input: { event: unknown; type: string; why: string }): Promise<void>;
  /** Notes that Zoom does not tell some recordings. */
  noteUntold(untold: Untold, foundBy: FoundBy): Promise<void>;
}

export function createZoomIntake(options: {
  intake: Intake;
  recordings: Pick<Recordings, 'ofGroup'>;
  ignored: Pick<ZoomIgnored, 'add' | 'forget'>;
  /** Lets one thing after another be done about the same meeting, so that of two events that each bring another view one is taken. */
  locks: Pick<Locks, 'hold'>;
  defaults: ZoomDefaults;
  log: Logger;
}): ZoomIntake {
  const { intake, recordings, ignored, locks, defaults, log } = options;
  const inTurn = <T>(uuid: string, work: () => Promise<T>) => locks.hold(`zoom meeting ${uuid}`, work);

  async function plan(announcement: ZoomAnnouncement, rules: readonly ZoomRule[]) {
    const { uuid } = announcement.meeting;
    const known = (await recordings.ofGroup(meetingGroup(uuid))).map(toKnown);
    const keys = new Set(known.map(({ naturalKey }) => naturalKey));
    const isKnown = ({ naturalKey }: NewRecording) => keys.has(naturalKey);
    const planned = planMeeting({ announcement, rules, defaults, known, nowMs: wallMs() });
    return { ...planned, isKnown, isFirst: known.length === 0 };
  }

  async function take(
    announcement: ZoomAnnouncement,
    rules: readonly ZoomRule[],
    finding: Finding | undefined,
  ): Promise<ZoomTaken> {
    const { meeting } = announcement;
    const { rule, choices, isKnown, isFirst } = await plan(announcement, rules);
    const isNewOnly = finding?.isNewOnly ?? false;

    const wanted: NewRecording[] = [];
    const left: Extract<Choice, { recording?: undefined }>[] = [];
    for (const choice of choices) {
      if (choice.recording === undefined) left.push(choice);
      else if (!isNewOnly || !isKnown(choice.recording)) wanted.push(choice.recording);
    }
    // All at once, so that they share one wait for the disk; the ledger keeps their order.
    const isAlone = isFirst && wanted.length === 1;
    const accepted = await Promise.all(
      wanted.map((recording) => intake.accept(asFound(recording, finding), { isAlone })),
    );
    if (choices.length === 0)
      log.info({ event: 'zoom.nothing', meetingUuid: meeting.uuid }, 'no files announced');
    const odd = meeting.odd === undefined ? [] : [toOdd(announcement, meeting.odd)];
    if (isNewOnly) {
      await ignored.add(odd);
      return { accepted, ignored: left };
    }
    await ignored.add([...odd, ...left.map((choice) => toIgnored(announcement, rule?.name ?? null, choice))]);
    for (const { file, reason } of left) {
      log.info(
        { event: 'zoom.ignored', meetingUuid: meeting.uuid, fileId: file.id, reason, rule: rule?.name },
        'file ignored',
      );
    }
    return { accepted, ignored: left };
  }

  return {
    take: (announcement, rules, finding) =>
      inTurn(announcement.meeting.uuid, () => take(announcement, rules, finding)),
    takeLeft: (announcement, rules, key) =>
      inTurn(announcement.meeting.uuid, async () => {
        const { uuid } = announcement.meeting;
        const known = (await recordings.ofGroup(meetingGroup(uuid))).map(toKnown);
        const choice = planFile({ announcement, rules, defaults, known, nowMs: wallMs(), key });
        if (choice === undefined) {
          throw new KnownError(`Zoom no longer names this file of the meeting ${uuid}`, {
            code: 'ZOOM_RECORDING_NOT_FOUND',
          });
        }
        if (choice.recording === undefined) {
          throw new KnownError(`It cannot be brought home: ${choice.why}`, { code: 'WRONG_STATE' });
        }
        const accepted = await intake.accept(asFound(choice.recording, { foundBy: 'ingest' }));
        await ignored.forget(key);
        log.info({ event: 'zoom.brought', meetingUuid: uuid, recordingId: accepted.id }, 'brought after all');
        return accepted;
      }),
    async expect(announcement, rules) {
      const { choices, isKnown } = await plan(announcement, rules);
      return choices.flatMap(({ recording }) =>
        recording === undefined || isKnown(recording) ? [] : [toExpected(recording)],
      );
    },
    async refuse(announcement, why) {
      const { meeting, type } = announcement;
      log.warn({ event: 'zoom.refused', accountId: meeting.accountId, why }, 'event of an unknown account');
      await ignored.add([
        {
          key: `${meeting.accountId} ${meeting.uuid}`,
          accountId: meeting.accountId,
          reason: 'unknown-account',
          why,
          rule: null,
          event: type,
          what: aboutMeeting(meeting),
        },
      ]);
    },
    async leaveUnread({ event, type, why }) {
      const text = JSON.stringify(event) ?? '';
      log.warn({ event: 'zoom.unreadable', type, why }, 'Zoom sent something that cannot be read');
      await ignored.add([
        {
          key: sha256(text),
          accountId: null,
          reason: 'unreadable',
          why,
          rule: null,
          event: type,
          what: { bytes: Buffer.byteLength(text) },
        },
      ]);
    },
    async noteUntold({ accountId, reason, host, from, to, why }, foundBy) {
      log.warn(
        { event: 'zoom.untold', accountId, host, from, to, why },
        'Zoom does not tell some recordings',
      );
      await ignored.add([
        {
          key: `${accountId} ${host}`,
          accountId,
          reason,
          why,
          rule: null,
          event: foundBy,
          what: { host, from, to },
        },
      ]);
    },
  };
}

/** What was found is not on its way to Zoom any more, so nothing waits for it to arrive there. */
function asFound(recording: NewRecording, finding: Finding | undefined): NewRecording {
  if (finding === undefined) return recording;
  const { foundBy, place } = finding;
  return { ...recording, foundBy, notBeforeMs: 0, ...(place === undefined ? {} : { place }) };
}

function toExpected({ naturalKey, title, kind = 'video', origin }: NewRecording): Expected {
  return { id: recordingId(naturalKey), title, kind, bytes: origin.bytes };
}

/** What planning needs to know of a recording that is in the ledger. */
function toKnown(recording: Recording): KnownFile {
  const { details } = recording;
  const text = (value: string | number | null | undefined) => (typeof value === 'string' ? value : null);
  return {
    naturalKey: recording.naturalKey,
    kind: recording.kind,
    isAudio: details['file_type'] === 'M4A',
    view: text(details['recording_type']),
    hasFailed: recording.state === 'failed',
    startedAt: text(details['recording_start']),
    endedAt: text(details['recording_end']),
  };
}

/** What is odd about a meeting whose files were looked at all the same. */
function toOdd({ type, meeting }: ZoomAnnouncement, odd: readonly string[]): IgnoredInput {
  return {
    key: meeting.uuid,
    accountId: meeting.accountId,
    reason: 'odd',
    why: odd.join('; '),
    rule: null,
    event: type,
    what: aboutMeeting(meeting),
  };
}

function toIgnored(
  { type, meeting }: ZoomAnnouncement,
  rule: string | null,
  { file, reason, why }: Extract<Choice, { recording?: undefined }>,
): IgnoredInput {
  return {
    key: keyOf(meeting, file),
    accountId: meeting.accountId,
    reason,
    why,
    rule,
    event: type,
    what: {
      ...aboutMeeting(meeting),
      recording_id: file.id,
      recording_type: file.recordingType,
      file_type: file.fileType,
      recording_start: file.startedAt,
      recording_end: file.endedAt,
      bytes: file.bytes,
    },
  };
}
