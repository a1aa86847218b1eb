import type { Action } from '../domain/actions.ts';
import { type Recording, recordingShape } from './api-shapes.ts';
import { EXIT } from './exit-codes.ts';
import { exitCodeOf, Failure, type Trouble, troubleOf } from './failure.ts';
import type { Io } from './io.ts';
import { createLiveBlock } from './live-block.ts';
import { STATE_STYLES } from './paint.ts';
import { askAbout } from './recording-id.ts';
import { stateText, titleText } from './recording-text.ts';
import type { Session } from './session.ts';
import { renderTable } from './table.ts';

/** What is done with each recording: `POST /api/recordings/{id}/{action}`. */
export interface Deed {
  readonly action: Action;
  readonly body?: object;
}

/** Does it with one after the other, each named by its id or ace_id, and tells how each stands then; one that is refused does not stop the others. */
export async function actOnRecordings(
  io: Io,
  session: Session,
  ids: readonly string[],
  { action, body = {} }: Deed,
): Promise<void> {
  const acted: Recording[] = [];
  const refused: { id: string; trouble: Trouble }[] = [];
  const block = session.isLive && ids.length > 1 ? createLiveBlock(session.screen) : undefined;
  try {
    for (const [index, id] of ids.entries()) {
      block?.draw([`${index + 1} of ${ids.length}`]);
      try {
        acted.push(
          await askAbout(session, id, (path) =>
            session.api.post(`${path}/${action}`, body, recordingShape, session.signal),
          ),
        );
      } catch (error) {
        session.signal.throwIfAborted();
        if (error instanceof Failure && error.exitCode === EXIT.unreachable) throw error;
        refused.push({ id, trouble: await whatInstead(session, id, troubleOf(error)) });
      }
    }
  } finally {
    block?.end();
    if (session.isJson) session.printJson({ recordings: acted });
    else if (acted.length > 0) session.print(...table(acted, session));
    for (const { id, trouble } of refused) session.complain(trouble, id);
  }
  if (refused.length > 0) io.setExitCode(exitCodeOf(refused.map(({ trouble }) => trouble)));
}

function table(recordings: readonly Recording[], session: Session): string[] {
  return renderTable(
    recordings,
    [
      { heading: 'id', text: ({ id }) => id },
      { heading: 'state', text: stateText, style: ({ state }) => STATE_STYLES[state] },
      { heading: 'title', text: titleText, minWidth: 8 },
    ],
    session,
  );
}

/** The commands for what is possible; an action that is not here is called as its command is. */
const COMMANDS: Readonly<Record<string, string>> = { 'move-to-front': 'front' };

/** What stands behind the id in such a command. */
const ARGUMENTS: Readonly<Record<string, string>> = { schedule: ' TIME', rename: ' TITLE' };

/** A refusal for the state that the recording is in says which commands there are for it now. */
async function whatInstead(session: Session, name: string, trouble: Trouble): Promise<Trouble> {
  if (trouble.code !== 'WRONG_STATE') return trouble;
  const { actions, id } = await askAbout(session, name, (path) =>
    session.api.get(path, recordingShape, session.signal),
  );
  const commands = actions.map(
    (action) => `sluice ${COMMANDS[action] ?? action} ${id}${ARGUMENTS[action] ?? ''}`,
  );
  const possible = commands.length === 0 ? 'Nothing is possible now' : `Possible now: ${commands.join(', ')}`;
  return { ...trouble, advice: `${possible}. sluice show ${id} says how it stands.` };
}
