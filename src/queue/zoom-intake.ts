import type { Logger } from 'pino';
import type { Recording } from '../domain/recording.ts';
import type { ZoomAnnouncement } from '../domain/zoom-event.ts';
import { keyOf, meetingGroup, type ZoomFile, type ZoomMeeting } from '../domain/zoom-meeting.ts';
import { type Choice, type KnownFile, planMeeting, type ZoomDefaults } from '../domain/zoom-plan.ts';
import type { ZoomRule } from '../domain/zoom-rules.ts';
import type { Accepted, Recordings } from '../ledger/recordings.ts';
import type { IgnoredInput, ZoomIgnored } from '../ledger/zoom-ignored.ts';
import type { Intake } from './intake.ts';

/** What has become of a meeting's files. */
export interface ZoomTaken {
  readonly accepted: readonly Accepted[];
  readonly ignored: readonly { readonly file: ZoomFile; readonly reason: string; readonly why: string }[];
}

/** Takes in what Zoom has to offer of a meeting, whoever brought the news of it: files by the rules, the rest noted. */
export interface ZoomIntake {
  take(announcement: ZoomAnnouncement, rules: readonly ZoomRule[]): Promise<ZoomTaken>;
  /** Notes that a meeting was announced which is none of ours. */
  refuse(announcement: ZoomAnnouncement, why: string): Promise<void>;
}

export function createZoomIntake(options: {
  intake: Intake;
  recordings: Pick<Recordings, 'ofGroup'>;
  ignored: Pick<ZoomIgnored, 'add'>;
  defaults: ZoomDefaults;
  log: Logger;
}): ZoomIntake {
  const { intake, recordings, ignored, defaults, log } = options;
  let last: Promise<unknown> = Promise.resolve();

  /** One meeting after the other: of two events that each bring another view one is taken. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  }

  async function take(announcement: ZoomAnnouncement, rules: readonly ZoomRule[]): Promise<ZoomTaken> {
    const { meeting } = announcement;
    const known = (await recordings.ofGroup(meetingGroup(meeting.uuid))).map(toKnown);
    const { rule, choices } = planMeeting({ announcement, rules, defaults, known, nowMs: Date.now() });

    const accepted: Accepted[] = [];
    const left: Extract<Choice, { recording?: undefined }>[] = [];
    for (const choice of choices) {
      if (choice.recording === undefined) left.push(choice);
      else accepted.push(await intake.accept(choice.recording));
    }
    if (choices.length === 0)
      log.info({ event: 'zoom.nothing', meetingUuid: meeting.uuid }, 'no files announced');
    await ignored.add(left.map((choice) => toIgnored(announcement, rule?.name ?? null, choice)));
    for (const { file, reason } of left) {
      log.info(
        { event: 'zoom.ignored', meetingUuid: meeting.uuid, fileId: file.id, reason, rule: rule?.name },
        'file ignored',
      );
    }
    return { accepted, ignored: left };
  }

  return {
    take: (announcement, rules) => inTurn(() => take(announcement, rules)),
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
  };
}

/** What planning needs to know of a recording that is in the ledger. */
function toKnown(recording: Recording): KnownFile {
  const { details } = recording;
  const text = (value: string | number | null | undefined) => (typeof value === 'string' ? value : null);
  return {
    naturalKey: recording.naturalKey,
    kind: recording.kind,
    isAudio: details['file_type'] === 'M4A',
    hasFailed: recording.state === 'failed',
    startedAt: text(details['recording_start']),
    endedAt: text(details['recording_end']),
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

function aboutMeeting({ uuid, number, topic, hostEmail, startTime }: ZoomMeeting) {
  return {
    meeting_uuid: uuid,
    meeting_id: number,
    topic,
    host_email: hostEmail,
    start_time: startTime,
  };
}
