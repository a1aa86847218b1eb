import { randomUUID } from 'node:crypto';
import { chmod, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { summarize, systemCode } from '../../domain/errors.ts';
import { type Finding, fail, ok, warn } from '../../domain/finding.ts';
import { type Request, readText, send } from '../../lib/http.ts';

const IDLE_TIMEOUT_MS = 5000;

/** A folder that a web server hands out. */
export interface PublicFolder {
  readonly path: string;
  /** `undefined`: nobody is told where it is found. */
  readonly url: string | undefined;
  /** The settings that name both. */
  readonly pathSetting: string;
  readonly urlSetting: string;
}

/** The folder is there, takes files, and what lies in it is found at its public address, which is asked from here. */
export async function checkPublicFolder(
  { path, url, pathSetting, urlSetting }: PublicFolder,
  signal: AbortSignal,
): Promise<Finding> {
  try {
    if (!(await stat(path)).isDirectory())
      return fail(`${path} is no folder`, `Name a folder in ${pathSetting}.`);
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
    if (url === undefined)
      return warn(`${path} takes files, and nobody is told where to find them`, `Set ${urlSetting}.`);
    return await judgeAddress(`${url}/${name}`, text, signal);
  } finally {
    await rm(join(path, name), { force: true });
  }

  async function judgeAddress(address: string, expected: string, stop: AbortSignal): Promise<Finding> {
    const request: Request = {
      service: 'The public address',
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
        `Right if that address is for others only; else look at ${urlSetting}, DNS and the web server.`,
      );
    }
    if (answer.status === 200 && answer.text.trim() === expected) {
      return ok(`${path}, which ${url} hands out`);
    }
    return fail(
      `${url} does not hand out what lies in ${path} (${answer.status})`,
      `Let the web server hand out that folder at ${urlSetting} (docs/operations.md).`,
    );
  }
}
