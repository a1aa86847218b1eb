import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ZoomSimulator } from '../../simulators/zoom/simulator.ts';

/** A recording as `GET /api/recordings/{id}` shows it, as far as these tests look. */
export interface RecordingView {
  readonly id: string;
  readonly state: string;
  readonly failed_attempts: number;
  readonly facts: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly events: readonly { readonly at: string; readonly type: string }[];
  readonly deliveries: readonly { readonly id: string; readonly state: string }[];
}

/** A real MP4 that is sent down a slow line stays long enough on its way to be interrupted. */
export const SLOW_BYTES_PER_SECOND = 2 * 1024 * 1024;

export async function readRecording(pipelineUrl: string, id: string): Promise<RecordingView> {
  const response = await fetch(`${pipelineUrl}/api/recordings/${id}`);
  if (!response.ok) throw new Error(`reading ${id}: ${response.status} ${await response.text()}`);
  return (await response.json()) as RecordingView;
}

/** Polls a recording until it is in this state, and gives it back. */
export async function waitForState(pipelineUrl: string, id: string, state: string): Promise<RecordingView> {
  const reads = () => readRecording(pipelineUrl, id);
  await expect.poll(async () => (await reads()).state, { timeout: 60_000, interval: 100 }).toBe(state);
  return await reads();
}

/** Has Zoom announce this file as a meeting's only recording; gives back the recording's id. */
export async function announceMeeting(
  zoom: ZoomSimulator,
  pipelineUrl: string,
  path: string,
): Promise<string> {
  const meeting = await zoom.addMeeting({ topic: 'Algebra', files: [{ path }] });
  const attempt = await zoom.send(`${pipelineUrl}/zoom-upload`, zoom.recordingCompleted(meeting));
  expect(attempt.status, attempt.body).toBe(200);

  const response = await fetch(`${pipelineUrl}/api/recordings`);
  const { recordings } = (await response.json()) as { recordings: readonly { readonly id: string }[] };
  expect(recordings).toHaveLength(1);
  return recordings[0]?.id ?? '';
}

/** How much of a recording's download is on disk, in bytes. */
export async function spooledBytes(dataDir: string, id: string): Promise<number> {
  try {
    return (await stat(join(dataDir, 'spool', id, 'recording'))).size;
  } catch {
    return 0;
  }
}

/** Waits until this much of a recording's download is on disk. */
export async function waitForSpooledBytes(dataDir: string, id: string, bytes: number): Promise<void> {
  await expect
    .poll(() => spooledBytes(dataDir, id), { timeout: 30_000, interval: 20 })
    .toBeGreaterThanOrEqual(bytes);
}
