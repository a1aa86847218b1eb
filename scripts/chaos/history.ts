import type { RecordingEvent } from '../../src/ledger/events.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';

/** All that is known of a recording, for whoever has to find out what happened. */
export async function historyOf(id: string, ledger: Ledger): Promise<string[]> {
  const [recording, { facts, checkpoints }, deliveries] = await Promise.all([
    ledger.recordings.get(id),
    ledger.recordings.progress(id),
    ledger.deliveries.ofRecording(id),
  ]);
  const line = ({ atMs, type, data }: RecordingEvent) =>
    `${new Date(atMs).toISOString().slice(11, 23)} ${type} ${JSON.stringify(data)}`;
  return [
    `recording ${JSON.stringify(recording)}`,
    `facts ${JSON.stringify(facts)}`,
    `checkpoints ${JSON.stringify(checkpoints)}`,
    ...deliveries.map(({ body: _, ...rest }) => `delivery ${JSON.stringify(rest)}`),
    ...(await ledger.recordings.events(id)).map(line),
  ].map((text) => text.replace(/("downloadToken":")[^"]*/g, '$1…'));
}
