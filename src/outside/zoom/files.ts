import type { ZoomFile } from './meeting.ts';

/** What may be archived beside a video. */
export const COMPANIONS = [
  'transcript',
  'chat',
  'cc',
  'timeline',
  'audio',
  'participant_audio',
  'summary',
  'poll',
  'thumbnail',
] as const;
export type Companion = (typeof COMPANIONS)[number];

/** The views that are wanted, the best first; or each and every one. */
export type Views = 'all' | readonly string[];

/** What shows most comes first; a view of which Zoom's documentation does not know comes after all of these. */
export const DEFAULT_VIEWS: readonly string[] = [
  'shared_screen_with_speaker_view',
  'shared_screen_with_gallery_view',
  'active_speaker',
  'speaker_view',
  'gallery_view',
  'shared_screen',
  'production_studio',
  'host_video',
];

const BY_FILE_TYPE: Readonly<Record<string, Companion>> = {
  TRANSCRIPT: 'transcript',
  CC: 'cc',
  CHAT: 'chat',
  CHAT_MESSAGE: 'chat',
  TIMELINE: 'timeline',
  M4A: 'audio',
  SUMMARY: 'summary',
  CSV: 'poll',
  TB: 'thumbnail',
};

const BY_RECORDING_TYPE: Readonly<Record<string, Companion>> = {
  audio_transcript: 'transcript',
  cc_transcript: 'cc',
  closed_caption: 'cc',
  chat_file: 'chat',
  timeline: 'timeline',
  audio_only: 'audio',
  summary: 'summary',
  poll: 'poll',
  thumbnail: 'thumbnail',
};

const BY_EXTENSION: Readonly<Record<string, 'video' | Companion>> = {
  mp4: 'video',
  mov: 'video',
  m4v: 'video',
  webm: 'video',
  mkv: 'video',
  m4a: 'audio',
};

/**
 * What a file is to us: a video, a companion of one, or something that nobody knows yet. Each of what Zoom says of it
 * (type, view, extension) may be missing.
 */
export function kindOf(file: ZoomFile): 'video' | Companion | 'unknown' {
  if (file.isParticipantAudio) return 'participant_audio';
  if (file.fileType === 'MP4') return 'video';
  const known = BY_FILE_TYPE[file.fileType] ?? BY_RECORDING_TYPE[file.recordingType.toLowerCase()];
  if (known !== undefined) return known;
  if (DEFAULT_VIEWS.includes(plainView(file.recordingType))) return 'video';
  return BY_EXTENSION[file.extension ?? ''] ?? 'unknown';
}

/** The videos of one segment, the one that is wanted most first. */
export function byPreference(videos: readonly ZoomFile[], wanted: readonly string[]): ZoomFile[] {
  const order = [...wanted.map((view) => view.toLowerCase()), ...DEFAULT_VIEWS];
  const plainOrder = order.map(plainView);
  /** A view with captions in its picture comes right behind the same view without, and the other way round if named so. */
  const rank = ({ recordingType }: ZoomFile) => {
    const exact = order.indexOf(recordingType.toLowerCase());
    const plain = plainOrder.indexOf(plainView(recordingType));
    if (plain < 0) return order.length;
    return exact >= 0 && exact <= plain ? exact : plain + 0.5;
  };
  // Of two that show the same the larger one; the id decides a tie for good.
  return videos.toSorted(
    (a, b) => rank(a) - rank(b) || (b.bytes ?? 0) - (a.bytes ?? 0) || (a.id ?? '').localeCompare(b.id ?? ''),
  );
}

/** A view without the `(CC)` that Zoom appends where captions are in the picture. */
function plainView(recordingType: string): string {
  return recordingType.toLowerCase().replace(/\s*\(cc\)$/, '');
}
