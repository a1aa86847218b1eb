import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeRecording } from './recording-file.ts';

/**
 * On a virtual machine the first who writes a page pays for its coming from the host, several times what the copy
 * costs. Called before each way that is measured, this lets each find as much memory used and given back a moment ago.
 */
export async function touchMemory(folder: string, bytes: number): Promise<void> {
  const path = join(folder, 'touched');
  await writeRecording(path, bytes);
  await rm(path);
}
