import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasCode, summarize } from '../../domain/errors.ts';
import { type Finding, fail, ok, skip, warn } from '../../domain/finding.ts';
import { type Request, readText, send } from '../../lib/http.ts';
import { MEDIA_OUT } from '../folder/words.ts';
import type { Pace } from '../stores.ts';
import { SERVICES } from '../words.ts';
import { createS3Output, type S3OutputOptions } from './output-place.ts';
import { createS3Store, type S3StoreOptions } from './store.ts';
import { S3 } from './words.ts';

const IDLE_TIMEOUT_MS = 5000;

export interface S3CheckSettings {
  readonly s3Store: Omit<S3StoreOptions, keyof Pace> | undefined;
}

/** The bucket that recipes archive to: it is there, takes bytes, and lets itself be listed. */
export async function checkS3({ s3Store }: S3CheckSettings, signal: AbortSignal): Promise<Finding> {
  if (s3Store === undefined) return skip('S3_BUCKET is not set: recipes cannot archive to S3');
  const { bucket, endpoint } = s3Store;
  const store = createS3Store({ ...s3Store, idleTimeoutMs: IDLE_TIMEOUT_MS });
  try {
    await store.probe({ signal });
    const left = await store.unfinished({ prefix: '', signal });
    const open = left.length === 0 ? '' : `; ${left.length} uploads are not complete`;
    return ok(`${bucket} at ${endpoint} takes files and can be listed${open}`);
  } catch (error) {
    return failed(error, S3.service, signal);
  }
}

/** A bucket of outputs: it takes a small file, gives it back at its public address, and removes it. */
export async function checkMediaBucket(
  mediaOut: Omit<S3OutputOptions, keyof Pace>,
  signal: AbortSignal,
): Promise<Finding> {
  const place = createS3Output('media-out', { ...mediaOut, idleTimeoutMs: IDLE_TIMEOUT_MS });
  const folder = await mkdtemp(join(tmpdir(), 'sluice-doctor-'));
  const key = `sluice-doctor-${randomUUID()}.txt`;
  const text = randomUUID();
  try {
    const path = join(folder, 'output');
    await writeFile(path, text);
    await place.probe({ signal });
    const mark = { recordingId: 'doctor', step: 'doctor', fence: 0 };
    await place.put({ key, path, mediaType: 'text/plain', mark, signal });
    try {
      return await judgeAddress(place.place, place.address(key), text, signal);
    } finally {
      await place.remove({ keys: [key], signal });
    }
  } catch (error) {
    return failed(error, MEDIA_OUT.service, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Whether what was put there is found at the address that people are told, as a page of another origin would. */
async function judgeAddress(
  place: string,
  address: string | undefined,
  text: string,
  signal: AbortSignal,
): Promise<Finding> {
  if (address === undefined) {
    return warn(`${place} takes files, and nobody is told where to find them`, 'Set MEDIA_OUT_URL.');
  }
  const origin = new URL(address).origin;
  const request: Request = {
    service: 'The public address',
    method: 'GET',
    url: address,
    headers: { origin: 'https://sluice.invalid' },
    signal,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  };
  const answered = await send(request).then(
    async (response) => ({ ...response, text: await readText(request, response) }),
    (error: unknown) => ({ error }),
  );
  signal.throwIfAborted();
  if ('error' in answered) {
    return warn(
      `${place} takes files; ${origin} does not answer from here (${summarize(answered.error).message})`,
      'Right if that address is for others only; else look at MEDIA_OUT_URL and DNS.',
    );
  }
  if (answered.status !== 200 || answered.text !== text) {
    return fail(
      `${origin} does not hand out what lies in ${place} (${answered.status})`,
      'Let everybody read what lies there (a bucket policy), or put a CDN before it, and set MEDIA_OUT_URL to where it is found.',
    );
  }
  if (answered.headers['access-control-allow-origin'] === undefined) {
    return warn(
      `${place}, which ${origin} hands out, but not to pages of other origins`,
      'Give the bucket a CORS rule that allows GET and HEAD, if players of other websites are to play from it (docs/media.md).',
    );
  }
  return ok(`${place}, which ${origin} hands out`);
}

function failed(error: unknown, service: string, signal: AbortSignal): Finding {
  signal.throwIfAborted();
  const { code, message } = summarize(error);
  const isHidden = hasCode(error, 'REMOTE_UNAUTHORIZED');
  const advice = SERVICES.adviceFor(service, code);
  return fail(message, isHidden ? `${advice} docs/media.md says which rights.` : advice);
}
