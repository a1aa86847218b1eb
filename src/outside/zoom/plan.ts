import { localTime } from '../../domain/local-time.ts';
import { archiveDayOf } from '../../domain/names.ts';
import type { NewRecording, RecordingKind } from '../../domain/recording.ts';
import { type Span, secondsOf, segmentIndex, segmentsOf, spanOf } from '../../domain/segments.ts';
import type { ZoomAnnouncement } from './event.ts';
import { byPreference, type Companion, kindOf, type Views } from './files.ts';
import { keyOf, meetingGroup, type ZoomFile, type ZoomMeeting } from './meeting.ts';
import { beginningOf, findRule, type RuleSettings, type ZoomRule, zoneOf } from './rules.ts';
import {
  aceIdFrom,
  collectionFrom,
  folderFrom,
  type TemplateValues,
  templateValues,
  titleFrom,
} from './titles.ts';

/** How recordings are brought home where no rule says otherwise. */
export interface ZoomDefaults {
  readonly views: Views;
  readonly companions: readonly Companion[];
  /** Of captions, such as `en`. */
  readonly language: string;
  /** How long after the news the first download is tried. */
  readonly delayMs: number;
}

/** What the ledger has of the same meeting. */
export interface KnownFile {
  readonly naturalKey: string;
  readonly kind: RecordingKind;
  readonly isAudio: boolean;
  /** What it shows; unknown of what came before this was looked at. */
  readonly view?: string | null;
  readonly hasFailed: boolean;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
}

/**
 * Why a file stays where it is.
 *
 * - `rule`: a rule says so
 * - `another-view`: another view of the same time is brought home
 * - `not-wanted`: companions of this kind are not wanted
 * - `too-short`: shorter than the rule's minimum
 * - `processing`: Zoom is still making it; a later event brings it
 * - `empty`: it holds nothing
 * - `no-address`: Zoom does not say where it is
 * - `unknown-kind`: nobody knows what it is
 * - `listed-twice`: Zoom has named the same file once more
 * - `unknown-account`: it came from an account that is not ours
 * - `unreadable`: Zoom has sent something in which there is no meeting
 * - `odd`: something of the meeting is not as it should be; the rest of it is brought home
 * - `host-refused`: Zoom does not tell the recordings of one host, or not in words that can be read
 */
export type IgnoreReason =
  | 'rule'
  | 'another-view'
  | 'not-wanted'
  | 'too-short'
  | 'processing'
  | 'empty'
  | 'no-address'
  | 'unknown-kind'
  | 'listed-twice'
  | 'unknown-account'
  | 'unreadable'
  | 'odd'
  | 'host-refused';

/** What happens to one file of a meeting, and why. */
export type Choice =
  | { readonly file: ZoomFile; readonly recording: NewRecording; readonly why: string }
  | {
      readonly file: ZoomFile;
      readonly recording?: undefined;
      readonly reason: IgnoreReason;
      readonly why: string;
    };

export interface MeetingPlan {
  /** The rule that applies, if one does. */
  readonly rule: ZoomRule | undefined;
  /** One per file, videos before their companions. */
  readonly choices: readonly Choice[];
}

interface Segment {
  readonly part: number;
  readonly parts: number;
  readonly span: Span | undefined;
  readonly videos: ZoomFile[];
  readonly audios: ZoomFile[];
  readonly known: readonly KnownFile[];
}

/** Decides file by file what is brought home of a meeting, and how. */
export function planMeeting(input: {
  readonly announcement: ZoomAnnouncement;
  readonly rules: readonly ZoomRule[];
  readonly defaults: ZoomDefaults;
  readonly known: readonly KnownFile[];
  readonly nowMs: number;
}): MeetingPlan {
  const { announcement: told, rules, defaults, known, nowMs } = input;
  const { meeting, repeated } = withoutRepeats(told.meeting);
  const announcement = { ...told, meeting };
  const rule = findRule(rules, withKnown(meeting, known));
  if (rule?.action === 'ignore') {
    const why = `the rule "${rule.name}" ignores this meeting`;
    return { rule, choices: meeting.files.map((file) => ({ file, reason: 'rule', why })) };
  }
  const settings: RuleSettings = rule?.action ?? {};
  const views = settings.views ?? defaults.views;
  const companions = settings.companions ?? defaults.companions;
  const segments = toSegments(meeting, known);

  const choices = new Map<ZoomFile, Choice>();
  const leave = (file: ZoomFile, reason: IgnoreReason, why: string) =>
    choices.set(file, { file, reason, why });

  for (const file of meeting.files) {
    const flaw = flawOf(file);
    if (flaw !== undefined) leave(file, ...flaw);
  }
  for (const file of meeting.files) {
    const minSeconds = settings.minSeconds ?? 0;
    const segment = segmentOf(segments, file);
    const seconds = segment?.span ? secondsOf(segment.span) : secondsOf(spanOf(file));
    if (choices.has(file) || seconds === null || seconds >= minSeconds) continue;
    leave(
      file,
      'too-short',
      `${Math.round(seconds)} s is less than the ${minSeconds} s that the rule asks for`,
    );
  }

  const brought = new Map<ZoomFile, Segment>();
  for (const segment of segments) {
    const { chosen, why } = chooseVideos(segment, views, (file) => choices.has(file), meeting);
    for (const file of chosen) brought.set(file, segment);
    for (const file of segment.videos) {
      if (!choices.has(file) && !brought.has(file)) leave(file, 'another-view', why);
    }
  }

  const isOneOfSeveral = (segment: Segment) =>
    [...brought.values()].filter((other) => other === segment).length > 1;
  for (const file of meeting.files) {
    if (choices.has(file)) continue;
    const segment = brought.get(file) ?? segmentOf(segments, file) ?? wholeMeeting();
    const kind = kindOf(file);
    const isVideo = brought.has(file);
    if (!isVideo && kind !== 'video' && kind !== 'unknown' && !companions.includes(kind)) {
      leave(file, 'not-wanted', `${kind} is not among the companions that are wanted`);
      continue;
    }
    const recording = toRecording({
      announcement,
      rule,
      settings,
      defaults,
      file,
      companion: isVideo || kind === 'video' || kind === 'unknown' ? null : kind,
      segment,
      isOneOfSeveralViews: isVideo && isOneOfSeveral(segment),
      nowMs,
    });
    choices.set(file, { file, recording, why: whyTaken(file, isVideo, segment, views) });
  }

  // Videos first, so that they are in line before what waits for them.
  for (const file of repeated) leave(file, 'listed-twice', 'it is the same file as another of this meeting');
  const inOrder = [...meeting.files, ...repeated].flatMap((file) => choices.get(file) ?? []);
  const isVideo = (choice: Choice) => choice.recording !== undefined && choice.recording.kind !== 'companion';
  return { rule, choices: [...inOrder.filter(isVideo), ...inOrder.filter((choice) => !isVideo(choice))] };
}

/**
 * One file of a meeting, as a person wants it though a rule or a setting leaves it where it is; `undefined` if the meeting
 * does not name it. What a rule says of titles and places still counts.
 *
 * @param key What it is known by, see `keyOf`
 */
export function planFile(
  input: Parameters<typeof planMeeting>[0] & { readonly key: string },
): Choice | undefined {
  const { announcement: told, rules, defaults, known, nowMs, key } = input;
  const { meeting } = withoutRepeats(told.meeting);
  const file = meeting.files.find((each) => keyOf(meeting, each) === key);
  if (file === undefined) return undefined;
  const flaw = flawOf(file);
  if (flaw !== undefined) return { file, reason: flaw[0], why: flaw[1] };
  const rule = findRule(rules, withKnown(meeting, known));
  const segment = segmentOf(toSegments(meeting, known), file) ?? wholeMeeting();
  const kind = kindOf(file);
  const isSound = kind === 'audio' && segment.videos.length + segment.known.length === 0;
  const recording = toRecording({
    announcement: { ...told, meeting },
    rule,
    settings: rule === undefined || rule.action === 'ignore' ? {} : rule.action,
    defaults,
    file,
    companion: isSound || kind === 'video' || kind === 'unknown' ? null : kind,
    segment,
    isOneOfSeveralViews: kind === 'video' && segment.known.length > 0,
    nowMs,
  });
  return { file, recording, why: 'somebody wants it' };
}

/** Each file once: of two entries of one file the one that can be fetched. */
function withoutRepeats(meeting: ZoomMeeting): { meeting: ZoomMeeting; repeated: ZoomFile[] } {
  const isReady = (file: ZoomFile) => file.downloadUrl !== null && !file.isProcessing;
  const best = new Map<string, ZoomFile>();
  for (const file of meeting.files) {
    const key = keyOf(meeting, file);
    const other = best.get(key);
    if (other === undefined || (isReady(file) && !isReady(other))) best.set(key, file);
  }
  const chosen = new Set(best.values());
  const files = meeting.files.filter((file) => chosen.has(file));
  return {
    meeting: { ...meeting, files },
    repeated: meeting.files.filter((file) => !chosen.has(file)),
  };
}

/** What keeps a file from being brought home, whoever wants it. */
function flawOf(file: ZoomFile): [IgnoreReason, string] | undefined {
  if (file.isProcessing) return ['processing', 'Zoom is still making it'];
  if (kindOf(file) === 'unknown') {
    return ['unknown-kind', `nobody knows a file of type ${file.fileType || file.recordingType}`];
  }
  if (file.bytes === 0 && secondsOf(spanOf(file)) === 0) return ['empty', 'no second and no byte of it'];
  return file.downloadUrl === null ? ['no-address', 'Zoom does not say where it is'] : undefined;
}

/** One video of a segment, or all; without any the sound is the recording. */
function chooseVideos(
  segment: Segment,
  views: Views,
  isLeft: (file: ZoomFile) => boolean,
  meeting: ZoomMeeting,
): { chosen: ZoomFile[]; why: string } {
  const candidates = segment.videos.filter((file) => !isLeft(file));
  const isKnown = (file: ZoomFile) =>
    segment.known.some(({ naturalKey }) => naturalKey === keyOf(meeting, file));
  const knownVideo = segment.known.find(
    ({ kind, isAudio, hasFailed }) => kind === 'video' && !isAudio && !hasFailed,
  );

  if (views === 'all' && candidates.length > 0) return { chosen: byPreference(candidates, []), why: '' };
  const again = candidates.filter(isKnown);
  const renamed = candidates.filter((file) => renamedKey(meeting, file, segment.known) !== undefined);
  if (again.length > 0 || (candidates.length > 0 && knownVideo !== undefined)) {
    return {
      chosen: again.length > 0 ? again : renamed.slice(0, 1),
      why: 'another view of the same time has been taken before',
    };
  }
  const [best] = byPreference(candidates, views === 'all' ? [] : views);
  if (best !== undefined) {
    return { chosen: [best], why: `${best.recordingType} shows the same time, and is preferred` };
  }
  if (segment.videos.length > 0 || knownVideo !== undefined) return { chosen: [], why: '' };
  const sounds = segment.audios.filter((file) => !isLeft(file));
  const [sound] = sounds.toSorted(
    (a, b) => Number(b.recordingType === 'audio_only') - Number(a.recordingType === 'audio_only'),
  );
  return { chosen: sound === undefined ? [] : [sound], why: '' };
}

/**
 * The key of the recording that a file is once more, under another id of Zoom's: the same view that began at the same time,
 * and that the meeting no longer names. `undefined` if it is none, or is known by its own id.
 */
function renamedKey(meeting: ZoomMeeting, file: ZoomFile, known: readonly KnownFile[]): string | undefined {
  const key = keyOf(meeting, file);
  const named = new Set(meeting.files.map((each) => keyOf(meeting, each)));
  if (kindOf(file) !== 'video' || file.startedAt === null) return undefined;
  if (known.some(({ naturalKey }) => naturalKey === key)) return undefined;
  const { startMs } = spanOf(file);
  return known.find(
    (each) =>
      each.kind === 'video' &&
      !each.hasFailed &&
      each.view === file.recordingType &&
      spanOf(each).startMs === startMs &&
      !named.has(each.naturalKey),
  )?.naturalKey;
}

function toSegments(meeting: ZoomMeeting, known: readonly KnownFile[]): Segment[] {
  const ofKind = (wanted: string) => meeting.files.filter((file) => kindOf(file) === wanted);
  const videos = ofKind('video');
  const audios = ofKind('audio');
  const knownVideos = known.filter(({ kind }) => kind === 'video');
  const spans = segmentsOf([...videos, ...audios, ...knownVideos].map(spanOf));
  const at = (file: { startedAt: string | null; endedAt: string | null }) =>
    Math.max(0, segmentIndex(spans, spanOf(file)));
  return (spans.length === 0 ? [undefined] : spans).map((span, index, all) => ({
    part: index + 1,
    parts: all.length,
    span,
    videos: videos.filter((file) => at(file) === index),
    audios: audios.filter((file) => at(file) === index),
    known: knownVideos.filter((file) => at(file) === index),
  }));
}

function segmentOf(segments: readonly Segment[], file: ZoomFile): Segment | undefined {
  const spans = segments.map(({ span }) => span ?? { startMs: null, endMs: null });
  return segments[segmentIndex(spans, spanOf(file))];
}

/** Where a companion belongs that belongs to no one segment. */
function wholeMeeting(): Segment {
  return { part: 1, parts: 1, span: undefined, videos: [], audios: [], known: [] };
}

function toRecording(input: {
  announcement: ZoomAnnouncement;
  rule: ZoomRule | undefined;
  settings: RuleSettings;
  defaults: ZoomDefaults;
  file: ZoomFile;
  companion: Companion | null;
  segment: Segment;
  isOneOfSeveralViews: boolean;
  nowMs: number;
}): NewRecording {
  const { announcement, rule, settings, defaults, file, companion, segment, nowMs } = input;
  const { meeting } = announcement;
  const values = valuesOf(meeting, file, segment, rule);
  const { title = '{topic}', aceId, folder, collection, recipe, language = defaults.language } = settings;
  return {
    source: 'zoom',
    kind: companion === null ? 'video' : 'companion',
    naturalKey: renamedKey(meeting, file, segment.known) ?? keyOf(meeting, file),
    groupKey: meetingGroup(meeting.uuid),
    ...(recipe === undefined || companion !== null ? {} : { recipe }),
    aceId: aceId === undefined ? null : aceIdFrom(aceId, values, input.isOneOfSeveralViews) || null,
    title: titleFrom(title, values, input.isOneOfSeveralViews),
    origin: {
      kind: 'zoom',
      downloadUrl: file.downloadUrl ?? '',
      downloadToken: announcement.downloadToken,
      bytes: file.bytes || null,
      eventAtMs: announcement.atMs,
      ...archiveDayOf(file.startedAt ?? meeting.startTime),
    },
    placement: {
      folder: (folder === undefined ? '' : folderFrom(folder, values)) || null,
      collection: (collection === undefined ? '' : collectionFrom(collection, values)) || null,
      language,
    },
    details: {
      account_id: meeting.accountId,
      meeting_id: meeting.number,
      meeting_uuid: meeting.uuid,
      topic: meeting.topic,
      host_email: meeting.hostEmail,
      start_time: meeting.startTime,
      recording_id: file.id,
      recording_type: file.recordingType,
      file_type: file.fileType,
      file_extension: file.extension,
      recording_start: file.startedAt,
      recording_end: file.endedAt,
      part: segment.part,
      parts: segment.parts,
      ...(companion === null ? {} : { companion }),
      rule: rule?.name ?? null,
    },
    ...(defaults.delayMs > 0 ? { notBeforeMs: nowMs + defaults.delayMs } : {}),
  };
}

function valuesOf(
  meeting: ZoomMeeting,
  file: ZoomFile,
  segment: Segment,
  rule: ZoomRule | undefined,
): TemplateValues {
  const atMs = segment.span?.startMs ?? spanOf(file).startMs ?? beginningOf(meeting);
  return templateValues({
    topic: meeting.topic,
    hostEmail: meeting.hostEmail,
    meetingNumber: meeting.number,
    begins: atMs === null ? undefined : localTime(atMs, zoneOf(rule, meeting)),
    part: segment.part,
    parts: segment.parts,
    view: file.recordingType,
  });
}

/** The meeting as rules see it: with what is known of it from before, so that a late transcript meets the same rule. */
function withKnown(meeting: ZoomMeeting, known: readonly KnownFile[]): ZoomMeeting {
  const files = known.map(
    ({ startedAt, endedAt }): ZoomFile => ({
      id: null,
      fileType: '',
      extension: null,
      recordingType: '',
      startedAt,
      endedAt,
      bytes: null,
      isProcessing: false,
      isParticipantAudio: false,
      downloadUrl: null,
    }),
  );
  return { ...meeting, files: [...meeting.files, ...files] };
}

function whyTaken(file: ZoomFile, isVideo: boolean, segment: Segment, views: Views): string {
  const part = segment.parts > 1 ? `part ${segment.part} of ${segment.parts}` : 'the only part';
  if (!isVideo) return `wanted beside the video of ${part}`;
  if (kindOf(file) === 'audio') return `the sound of ${part}, of which there is no video`;
  if (views === 'all') return `a view of ${part}, and all are wanted`;
  return `the preferred view of ${part}`;
}
