/** One line of a recording's history. */
export interface RecordingEvent {
  readonly seq: number;
  readonly recordingId: string;
  readonly atMs: number;
  readonly type: EventType;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What a history tells, and what people are told of it; "A stage" and "An operator" stand for those that it names. */
export const LEDGER_EVENTS = {
  'recording.accepted': 'Accepted',
  'lane.changed': 'Goes on in another lane',
  'recording.repeated': 'Brought again; nothing to do',
  'recording.revived': 'Brought again, begins anew',
  'recording.done': 'Done',
  'recording.failed': 'Failed',
  'recording.retried': 'Tried again by an operator',
  'recording.scheduled': 'Scheduled by an operator',
  'recording.moved-to-front': 'Moved to the front by an operator',
  'recording.set-aside': 'Set aside',
  'recording.cancelled': 'Cancelled',
  'recording.renamed': 'Renamed by an operator',
  'recording.deleted': 'Deleted everywhere',
  'publish-again.asked': 'Published again, as an operator asks',
  'publish-again.done': 'Published again',
  'publish-again.given-up': 'Not published again; the earlier video stays',
  'deletion.started': 'An operator deletes it',
  'stop.asked': 'An operator asks for a stop',
  'withdrawal.started': 'What was made is being taken back',
  'withdrawal.failed': 'Could not be taken back yet',
  'archive.left': 'The archived file was left where it is',
  'late.removed': 'What came late, and was too much, was taken back',
  'late.restored': 'What came late had replaced what is right, which was put back',
  'attempt.started': 'An attempt begins',
  'attempt.interrupted': 'The attempt was interrupted',
  'attempt.postponed': 'Postponed',
  'attempt.failed': 'The attempt failed',
  'stage.started': 'A stage begins',
  'stage.done': 'A stage is done',
  'stage.undone': 'A stage has to be done again',
  'stage.recalled': 'A stage is gone through once more, for its recording has something new',
  'output.failed': 'An output cannot be made; the others go on',
  'output.revoked': 'An output is revoked, and nothing of it is left',
  'output.revoke-asked': 'An operator revokes an output',
  'output.retried': 'An output is tried again by an operator',
  'outputs.settled': 'Done once more',
  'download.believed': 'Its length is believed: it was the same again and again',
  'captions.skipped': 'No captions were set',
  'piece.made': 'A piece is there',
  'upload.surplus': 'A second upload came, and was left out',
  'video.playable': 'The publisher has made the video playable',
  'video.failed': 'The publisher cannot use the video',
  'video.replaced': 'The earlier video is removed, now that the new one can be watched',
  'video.renamed': 'The video has its new title',
  'video.rename-refused': 'The publisher has refused the new title',
} as const;

/** Every event there is, by its name; wings add those that they alone tell. */
export interface EventNames extends Record<keyof typeof LEDGER_EVENTS, true> {}

export type EventType = keyof EventNames;
