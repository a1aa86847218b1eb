import { createHash } from 'node:crypto';

/** The id of the recording with this natural key: the same key always gives the same id, letters and digits only. */
export function recordingId(naturalKey: string): string {
  return `rec_${createHash('sha256').update(naturalKey).digest('hex').slice(0, 24)}`;
}

/** The natural key of anything that carries an `ace_id`, whichever door it came in by. */
export function aceKey(aceId: string): string {
  return `ace:${aceId}`;
}

/** The natural key of a Zoom recording file; by its id, or where Zoom gives none by what it is a recording of. */
export function zoomFileKey(file: {
  readonly id: string | undefined;
  readonly meetingUuid: string;
  readonly startedAt: string | undefined;
  readonly type: string;
}): string {
  if (file.id) return `zoom:${file.id}`;
  return `zoom:${JSON.stringify([file.meetingUuid, file.startedAt ?? '', file.type])}`;
}

/**
 * The natural key of a file on this server that has no `ace_id`: its real path, size and modification time; where there are
 * several hosts, whose it is.
 */
export function localFileKey(
  file: {
    readonly realPath: string;
    readonly bytes: number;
    readonly modifiedAtMs: number;
  },
  host?: string,
): string {
  const of = host === undefined ? [] : [host];
  return `file:${JSON.stringify([file.realPath, file.bytes, file.modifiedAtMs, ...of])}`;
}
