import { aceKey, recordingId } from '../domain/ids.ts';
import { RENEWABLE_STATES, type Recording } from '../domain/recording.ts';
import type { Recordings } from '../ledger/recordings.ts';

/** What a server that takes uploads in asks of the recordings that they become, and adds to what is known of them. */
export interface UploadDesk {
  /** The recording that an `ace_id` belongs to, whichever door it came by. */
  recordingOf(aceId: string): Promise<Recording | undefined>;
  /** Whether no upload of an `ace_id` is wanted: its recording is here, and has neither failed nor been taken back. */
  isTaken(aceId: string): Promise<boolean>;
  /** Notes in the recording's history that another upload of it was left out. */
  noteSurplus(recordingId: string, upload: SurplusUpload): Promise<void>;
}

export interface SurplusUpload {
  readonly uploadId: string;
  readonly bytes: number;
  /** Whether its file is kept, since its bytes differ from those of the one that was first. */
  readonly isKept: boolean;
}

export function createUploadDesk({
  recordings,
}: {
  recordings: Pick<Recordings, 'get' | 'note'>;
}): UploadDesk {
  const recordingOf = (aceId: string) => recordings.get(recordingId(aceKey(aceId)));
  return {
    recordingOf,
    async isTaken(aceId) {
      const known = await recordingOf(aceId);
      return known !== undefined && !RENEWABLE_STATES.includes(known.state);
    },
    noteSurplus: (id, { uploadId, bytes, isKept }) =>
      recordings.note(id, 'upload.surplus', { upload_id: uploadId, bytes, kept: isKept }),
  };
}
