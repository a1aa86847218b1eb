import type { Recording } from '../domain/recording.ts';

/** What searches for a recording look through, in lower case: a line each for its title and the ids that people know. */
export function searchText(recording: Pick<Recording, 'id' | 'title' | 'aceId' | 'details'>): string {
  const { id, title, aceId, details } = recording;
  return [title, aceId, details['meeting_id'], details['meeting_uuid'], id]
    .filter((field) => field !== undefined && field !== null)
    .join('\n')
    .toLowerCase();
}
