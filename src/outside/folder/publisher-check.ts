import { randomUUID } from 'node:crypto';
import { chmod, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { summarize, systemCode } from '../../domain/errors.ts';
import { type Finding, fail, ok, skip, warn } from '../../domain/finding.ts';
import { type Request, readText, send } from '../../lib/http.ts';
import type { FolderPublisherOptions } from './publisher.ts';

const IDLE_TIMEOUT_MS = 5000;

export interface FolderPublisherCheckSettings {
  readonly folderPublisher: Pick<FolderPublisherOptions, 'path' | 'url'> | undefined;
}

/**
 * The folder of published videos: it is there, takes files, and what lies in it is found at its public address, which is
 * asked from here.
 */
export async function checkFolderPublisher(
  { folderPublisher }: FolderPublisherCheckSettings,
  signal: AbortSignal,
): Promise<Finding> {
  if (folderPublisher === undefined)
    return skip('FOLDER_PUBLISHER is not set: recipes cannot publish to a folder');
  const { path, url } = folderPublisher;
  try {
    if (!(await stat(path)).isDirectory())
      return fail(`${path} is no folder`, 'Name a folder in FOLDER_PUBLISHER.');
  } catch (error) {
    return fail(
      `${path} cannot be looked at (${systemCode(error)})`,
      'Make it or mount it, let the user that runs Sluice write there, and let the web server read it.',
    );
  }

  const name = `sluice-doctor-${randomUUID()}.txt`;
  const text = randomUUID();
  try {
    await writeFile(join(path, name), text, { flag: 'wx' });
    await chmod(join(path, name), 0o644);
  } catch (error) {
    await rm(join(path, name), { force: true }).catch(() => {});
    return fail(
      `${path} takes no files (${systemCode(error)})`,
      'Let the user that runs Sluice write there; look at its space (df -h) and its mount.',
    );
  }
  try {
    return await judgeAddress(`${url}/${name}`, text, signal);
  } finally {
    await rm(join(path, name), { force: true });
  }

  async function judgeAddress(address: string, expected: string, stop: AbortSignal): Promise<Finding> {
    const request: Request = {
      service: 'The address of published videos',
      method: 'GET',
      url: address,
      signal: stop,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
    };
    let answer: { status: number; text: string };
    try {
      const response = await send(request);
      answer = { status: response.status, text: await readText(request, response) };
    } catch (error) {
      stop.throwIfAborted();
      return warn(
        `${path} takes files; ${url} does not answer from here (${summarize(error).message})`,
        'Right if that address is for others only; else look at FOLDER_PUBLISHER_URL, DNS and the web server.',
      );
    }
    if (answer.status === 200 && answer.text.trim() === expected) {
      return ok(`${path}, which ${url} hands out`);
    }
    return fail(
      `${url} does not hand out what lies in ${path} (${answer.status})`,
      'Let the web server hand out that folder at FOLDER_PUBLISHER_URL (docs/operations.md).',
    );
  }
}
