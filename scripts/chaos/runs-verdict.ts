import type { Recording } from '../../src/domain/recording.ts';
import type { EventType } from '../../src/ledger/events.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { AskedRun } from './further-runs.ts';
import type { Performed } from './performer.ts';
import { DIGEST_STEP } from './recipes.ts';
import type { Finding } from './verdict.ts';

/** Each further run that was promised ends once, with what is in the file; one that an operator cancels is cancelled. */
export async function judgeRuns(options: {
  recordings: readonly Recording[];
  ledger: Pick<Ledger, 'recordings'>;
  asked: readonly AskedRun[];
  performed: Pick<Performed, 'cancelledIds'>;
}): Promise<{ readonly done: number; readonly findings: readonly Finding[] }> {
  const { recordings, ledger, asked, performed } = options;
  const findings: Finding[] = [];
  let done = 0;

  for (const { of, recordingId, id, answer } of asked) {
    const run = recordings.find((each) => each.id === id);
    if (id === undefined || run === undefined) {
      const what = id === undefined ? 'was refused' : 'is not in the ledger';
      findings.push({
        kind: 'lost',
        recordingId,
        text: `a further run of ${recordingId} ${what}: ${answer}`,
      });
      continue;
    }
    if (run.state === 'cancelled' && performed.cancelledIds.has(id)) continue;
    if (run.state !== 'done') {
      const text = `${id}, a run of ${recordingId}, is ${run.state}: ${JSON.stringify(run.lastError)}`;
      findings.push({ kind: 'lost', recordingId: id, text });
      continue;
    }
    done += 1;
    const { facts } = await ledger.recordings.progress(id);
    const read = (facts as Readonly<Record<string, unknown>>)[DIGEST_STEP] as
      | { readonly sha1?: unknown }
      | undefined;
    if (read?.sha1 !== of.file.sha1) {
      const text = `${id}, a run of ${recordingId}, has read other bytes than were sent: ${JSON.stringify(read)}`;
      findings.push({ kind: 'wrong', recordingId: id, text });
    }
    const events = await ledger.recordings.events(id);
    const times = (type: EventType, stage?: string) =>
      events.filter((event) => event.type === type && (stage === undefined || event.data['stage'] === stage))
        .length;
    const [ended, proved] = [times('recording.done'), times('stage.done', DIGEST_STEP)];
    if (ended !== 1 || proved !== 1) {
      const text = `${id}, a run of ${recordingId}, was done ${ended} times, and its ${DIGEST_STEP} ${proved} times`;
      findings.push({ kind: 'doubled', recordingId: id, text });
    }
  }

  const known = new Set(asked.map(({ id }) => id));
  for (const { id, runOf } of recordings) {
    if (runOf === undefined || known.has(id)) continue;
    findings.push({
      kind: 'doubled',
      recordingId: id,
      text: `${id}, a run of ${runOf}, was never asked for`,
    });
  }
  return { done, findings };
}
