import type { z } from 'zod';
import {
  newsShape,
  progressShape,
  type Recording,
  type RecordingEvent,
  recordingEventShape,
  recordingShape,
  statusShape,
} from '../api-shapes.ts';
import type { StreamedEvent } from '../event-stream.ts';
import { EXIT } from '../exit-codes.ts';
import { followEvents } from '../follow-events.ts';
import { askAbout, idOf } from '../recording-id.ts';
import type { Session } from '../session.ts';
import type { Message, WatchView } from './view.ts';

/** The states that end the look at one recording, and the exit codes. */
const ENDS: Readonly<Record<string, number>> = {
  done: EXIT.ok,
  failed: EXIT.failed,
  cancelled: EXIT.failed,
  deleted: EXIT.failed,
  'set-aside': EXIT.attention,
};

/** Looks on until the recording that was named, by its id or ace_id, has ended, or without end if none is named; returns the exit code. */
export async function watch(session: Session, name: string | undefined, view: WatchView): Promise<number> {
  const { api, signal } = session;
  const id = name && idOf(name);

  async function look(): Promise<Recording | undefined> {
    if (name === undefined) {
      view.stands({ status: await api.get('/api/status', statusShape, signal) });
      return undefined;
    }
    const recording = await askAbout(session, name, (path) => api.get(path, recordingShape, signal));
    view.stands({ recording });
    return recording;
  }

  for await (const followed of followEvents(api, signal)) {
    let recording: Recording | undefined;
    if (followed === 'lost') view.lost();
    else if (followed === 'connected' || followed.event === 'reset') recording = await look();
    else {
      const message = readMessage(followed);
      if (message === undefined || !isWanted(message, id)) continue;
      view.hear(message);
      // Events come with the recording as it is by now: what else happened until its end is told first.
      if (message.event === 'recording' && isLast(message.data)) recording = message.data.recording;
    }
    const exitCode = id === undefined || recording === undefined ? undefined : ENDS[recording.state];
    if (exitCode !== undefined) return exitCode;
  }
  return EXIT.ok;
}

function isLast({ type, recording: { state } }: RecordingEvent): boolean {
  return type === `recording.${state}`;
}

/** What this program does not know is left out: the server may be newer. */
function readMessage({ event, id, data }: StreamedEvent): Message | undefined {
  const read = <T>(shape: z.ZodType<T>): T | undefined => {
    try {
      return shape.safeParse(JSON.parse(data)).data;
    } catch {
      return undefined;
    }
  };
  if (event === 'recording') {
    const told = read(recordingEventShape);
    return told && { event, id, data: told };
  }
  if (event === 'progress') {
    const told = read(progressShape);
    return told && { event, data: told };
  }
  if (event === 'status') {
    const told = read(newsShape);
    return told && { event, data: told };
  }
  return undefined;
}

/** Of one recording, only what is about it. */
function isWanted(message: Message, id: string | undefined): boolean {
  if (id === undefined) return true;
  return message.event !== 'status' && message.data.recording_id === id;
}
