import type { Action } from '../domain/actions.ts';
import { type Recording, recordingShape } from './api-shapes.ts';
import { EXIT } from './exit-codes.ts';
import { Failure, troubleOf } from './failure.ts';
import type { Io } from './io.ts';
import { createLiveBlock } from './live-block.ts';
import { STATE_STYLES } from './paint.ts';
import type { Session } from './session.ts';
import { renderTable } from './table.ts';
import { localTime } from './times.ts';

/** What is done with each recording: `POST /api/recordings/{id}/{action}`. */
export interface Deed {
  readonly action: Action;
  readonly body?: object;
}

/** Does it with one after the other, and tells how each stands then; one that is refused does not stop the others. */
export async function actOnRecordings(
  io: Io,
  session: Session,
  ids: readonly string[],
  { action, body = {} }: Deed,
): Promise<void> {
  const acted: Recording[] = [];
  const refused: { id: string; trouble: ReturnType<typeof troubleOf> }[] = [];
  const block = session.isLive && ids.length > 1 ? createLiveBlock(session.screen) : undefined;
  try {
    for (const [index, id] of ids.entries()) {
      block?.draw([`${index + 1} of ${ids.length}`]);
      try {
        const path = `/api/recordings/${encodeURIComponent(id)}/${action}`;
        acted.push(await session.api.post(path, body, recordingShape, session.signal));
      } catch (error) {
        session.signal.throwIfAborted();
        if (error instanceof Failure && error.exitCode === EXIT.unreachable) throw error;
        refused.push({ id, trouble: troubleOf(error) });
      }
    }
  } finally {
    block?.end();
    if (session.isJson) session.printJson({ recordings: acted });
    else if (acted.length > 0) session.print(...table(acted, session));
    for (const { id, trouble } of refused) session.complain(trouble, id);
  }
  if (refused.length > 0) io.setExitCode(EXIT.failed);
}

function table(recordings: readonly Recording[], session: Session): string[] {
  return renderTable(
    recordings,
    [
      { heading: 'id', text: ({ id }) => id },
      { heading: 'state', text: stateText, style: ({ state }) => STATE_STYLES[state] },
      { heading: 'title', text: ({ title }) => title, minWidth: 8 },
    ],
    session,
  );
}

function stateText({ state, position, not_before: notBefore, ...recording }: Recording): string {
  const wanted = recording['wanted'];
  if (typeof wanted === 'string') return `${state}, soon ${wanted}`;
  if (position !== null) return `${state} (${position})`;
  return notBefore !== null && state === 'waiting' ? `${state} until ${localTime(notBefore)}` : state;
}
