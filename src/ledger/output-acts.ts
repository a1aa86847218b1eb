import type { Transaction } from 'kysely';
import { KnownError } from '../domain/errors.ts';
import { trackingIdOf } from '../domain/job.ts';
import { GONE_STATES, type Recording } from '../domain/recording.ts';
import { addEvent } from './add-event.ts';
import { putEnding, putOpen, putOver } from './output-stands.ts';
import { lockRecording } from './recording-rows.ts';
import { NEW_BEGINNING } from './renewal.ts';
import type { Tables } from './schema.ts';

/* What an operator does with one output of a recording, as parts of one transaction each. */

type Trx = Transaction<Tables>;

/** A step that makes outputs, and the steps that cannot be without it, in the plan's order. */
export interface NamedOutput {
  readonly step: string;
  readonly readers: readonly string[];
}

/** False: there is no such recording. */
export async function revokeOutput(
  trx: Trx,
  id: string,
  { step, readers }: NamedOutput,
  by: string,
): Promise<boolean> {
  const recording = await lockRecording(trx, id);
  if (recording === undefined) return false;
  refuseGone(recording, step, 'revoke');
  if (recording.state === 'done' || recording.state === 'failed') refuseOfJob(recording, step);
  for (const stage of [step, ...readers]) {
    const row = await rowOf(trx, id, stage);
    // What was made of its bytes already is there by itself.
    const isMade = stage !== step && row?.fact !== null && row?.fact !== undefined;
    if (row?.ending === 'revoked' || isMade) continue;
    await putEnding(trx, id, stage, { ending: 'revoked' });
    const hasMadeAny = row !== undefined && (row.fact !== null || row.checkpoint !== null);
    // A step that is being made is its worker's, who looks often.
    if (recording.state !== 'moving' && !hasMadeAny) await putOver(trx, id, stage, { by });
    else addEvent(trx, id, 'output.revoke-asked', { stage, by });
  }
  await goOn(trx, recording);
  return true;
}

/** `stopped`: it is not to be, and never was; else how it has ended without that. */
export type Stopped = 'stopped' | 'made' | 'failed';

/** Revokes one that is still to be made; what is made stays. `undefined`: there is no such recording. */
export async function stopOutput(
  trx: Trx,
  id: string,
  output: NamedOutput,
  by: string,
): Promise<Stopped | undefined> {
  const recording = await lockRecording(trx, id);
  if (recording === undefined) return undefined;
  const row = await rowOf(trx, id, output.step);
  if (row?.ending === 'revoked' || GONE_STATES.includes(recording.state)) return 'stopped';
  if (row?.ending === 'failed' || (recording.state === 'failed' && row?.fact == null)) return 'failed';
  if (row?.fact != null) return 'made';
  await revokeOutput(trx, id, output, by);
  return 'stopped';
}

/** False: there is no such recording. */
export async function retryOutput(
  trx: Trx,
  id: string,
  { step, readers }: NamedOutput,
  by: string,
): Promise<boolean> {
  const recording = await lockRecording(trx, id);
  if (recording === undefined) return false;
  refuseGone(recording, step, 'retry');
  const row = await rowOf(trx, id, step);
  if (row === undefined || row.ending === null) return true;
  refuseOfJob(recording, step);
  if (row.ended_at_ms === null) {
    const message = `The output "${step}" of ${id} is being taken back; once that is done, retry is possible`;
    throw new KnownError(message, { code: 'WRONG_STATE' });
  }
  for (const stage of await putOpen(trx, id, [step, ...readers])) {
    addEvent(trx, id, 'output.retried', { stage, by });
  }
  await goOn(trx, recording);
  if (recording.state !== 'done' && recording.state !== 'failed') return true;
  const reopened = recording.state === 'done' ? { is_reopened: 1 } : {};
  await trx
    .updateTable('recordings')
    .set({ ...NEW_BEGINNING, last_error: null, ...reopened })
    .where('id', '=', id)
    .execute();
  return true;
}

async function rowOf(trx: Trx, id: string, stage: string) {
  return await trx
    .selectFrom('stages')
    .select(['fact', 'checkpoint', 'ending', 'ended_at_ms'])
    .where('recording_id', '=', id)
    .where('stage', '=', stage)
    .executeTakeFirst();
}

/** What a job has told of an output that has ended stays so. */
function refuseOfJob(recording: Recording, step: string): void {
  if (trackingIdOf(recording) === undefined) return;
  const message = `The output "${step}" of ${recording.id} has ended, as the program that asked for it was told: it has to ask for a new one`;
  throw new KnownError(message, { code: 'WRONG_STATE' });
}

function refuseGone({ id, state }: Recording, step: string, deed: string): void {
  if (!GONE_STATES.includes(state)) return;
  const message = `${deed} is not possible: the recording ${id} is ${state}, and with it its output "${step}"`;
  throw new KnownError(message, { code: 'WRONG_STATE', details: { state } });
}

/** One that waits for what it has met last has no reason to wait on; one that somebody has given a time keeps that. */
async function goOn(trx: Trx, { id, state, lastError }: Recording): Promise<void> {
  if ((state !== 'waiting' && state !== 'backing-off') || lastError === null) return;
  await trx.updateTable('recordings').set({ not_before_ms: 0 }).where('id', '=', id).execute();
}
