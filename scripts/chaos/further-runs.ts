import { hasCode } from '../../src/domain/errors.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { postUntilAnswered } from './insistent-post.ts';
import { READ_AGAIN } from './recipes.ts';
import type { Sent } from './senders.ts';
import { findRecording } from './verdict.ts';
import { pause } from './waiting.ts';

/** One further run that somebody has asked for. */
export interface AskedRun {
  readonly of: Sent;
  /** The recording whose run it is. */
  readonly recordingId: string;
  /** The run's own id; `undefined` if it was refused. */
  readonly id: string | undefined;
  readonly answer: string;
}

/** Asks for further runs of what is home, as a script does. */
export interface FurtherRuns {
  readonly asked: readonly AskedRun[];
  /** Waits until a recording is home, and asks until it is answered; for what does not come home it asks nothing. */
  ask(sent: Sent): Promise<void>;
}

/** How often it is looked whether a recording is home, in milliseconds. */
const POLL_MS = 500;

export function createFurtherRuns(options: {
  ledger: Pick<Ledger, 'recordings'>;
  pipelineUrl: string;
  headers?: Readonly<Record<string, string>>;
  signal: AbortSignal;
}): FurtherRuns {
  const { ledger, pipelineUrl, headers, signal } = options;
  const asked: AskedRun[] = [];

  /** The id of what is home; `undefined` for what will not be. */
  async function idAtHome(sent: Sent): Promise<string | undefined> {
    for (;;) {
      const recordings = await ledger.recordings.newest(1_000_000).catch((error: unknown) => {
        if (!hasCode(error, 'LEDGER_AWAY')) throw error;
      });
      if (recordings === undefined) {
        await pause(POLL_MS, signal);
        continue;
      }
      const recording = await findRecording(recordings, sent);
      if (recording?.state === 'done') return recording.id;
      const isOver = recording === undefined ? !sent.isAccepted : recording.endedAtMs !== null;
      if (isOver) return undefined;
      await pause(POLL_MS, signal);
    }
  }

  return {
    asked,

    async ask(sent) {
      const recordingId = sent.furtherRuns === 0 ? undefined : await idAtHome(sent);
      if (recordingId === undefined) return;
      for (let number = 1; number <= sent.furtherRuns; number += 1) {
        const body = { recording_id: recordingId, recipe: READ_AGAIN, reference: String(number) };
        const { status, text } = await postUntilAnswered(`${pipelineUrl}/api/runs`, body, signal, headers);
        const id = status === 202 ? (JSON.parse(text) as { readonly id: string }).id : undefined;
        asked.push({ of: sent, recordingId, id, answer: `${status} ${text}` });
      }
    },
  };
}
