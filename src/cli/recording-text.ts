import type { Recording } from './api-shapes.ts';
import { localTime } from './times.ts';

/** What a recording is called in lists: a companion by what it is, for it has the title of its video. */
export function titleText({ title, kind, details }: Pick<Recording, 'title' | 'kind' | 'details'>): string {
  if (kind !== 'companion') return title;
  const { companion } = details;
  return `${typeof companion === 'string' ? companion : 'companion'} of ${title}`;
}

/** Its state, and what tells when it goes on. */
export function stateText({
  state,
  wanted,
  position,
  not_before: notBefore,
}: Pick<Recording, 'state' | 'wanted' | 'position' | 'not_before'>): string {
  if (wanted !== null) return `${state}, soon ${wanted}`;
  if (position !== null) return `${state} (${position})`;
  const isHeld = notBefore !== null && Date.parse(notBefore) > Date.now();
  return isHeld && (state === 'waiting' || state === 'backing-off')
    ? `${state} until ${localTime(notBefore)}`
    : state;
}
