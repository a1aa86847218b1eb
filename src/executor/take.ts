import { readFile, writeFile } from 'node:fs/promises';
import { arch, cpus, platform, totalmem } from 'node:os';
import type { Logger } from 'pino';
import { z } from 'zod';
import { KnownError, systemCode } from '../domain/errors.ts';
import { pause } from '../lib/abort.ts';
import { byteSize } from '../lib/byte-size.ts';
import { refusal } from '../lib/http.ts';
import { parseJson } from '../lib/json.ts';
import { readVersion } from '../lib/version.ts';
import { askSluice } from './ask.ts';
import { type Job, remoteJob } from './work.ts';

export interface TakeOptions {
  /** Where Sluice is, without a slash at the end. */
  readonly server: string;
  /** What lets it register; not needed by one that has a key. */
  readonly invitation: string | undefined;
  /** Where its key is kept between two runs, readable by its user alone. */
  readonly keyFile: string;
  readonly name: string;
  readonly tasks: readonly string[];
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Does a job. Never fails. */
  work(job: Job): Promise<unknown>;
}

/** How long one request waits for work, in seconds. */
const WAIT_S = 30;

const IDLE_TIMEOUT_MS = 60_000;

/** How long it waits after a request that has failed, at first and at most, in milliseconds. */
const [FIRST_PAUSE_MS, MOST_PAUSE_MS] = [1000, 30_000];

const keyShape = z.object({ server: z.string(), key: z.string() });
const registeredShape = z.object({ name: z.string(), key: z.string() });
const takenShape = z.object({ state: z.string(), job: remoteJob.nullable() });

/**
 * Comes for work, one job after the other, until the signal ends that. Where Sluice is away it waits.
 *
 * @throws KnownError `CONFIG_INVALID`, `INVITATION_WRONG`, `WORKER_NAME_TAKEN`, `WORKER_KEY_WRONG`
 */
export async function takeJobs(options: TakeOptions): Promise<void> {
  const { server, signal, log, work } = options;
  const key = (await readKey(options)) ?? (await register(options));
  let pauseMs = FIRST_PAUSE_MS;
  let isDrained = false;
  while (!signal.aborted) {
    try {
      const { state, job } = await ask(options, 'take', key, { wait_s: WAIT_S }, takenShape);
      pauseMs = FIRST_PAUSE_MS;
      if (job !== null) await work(job);
      if (state === 'drained' && !isDrained) log.info({ event: 'worker.drained' }, 'is given no more work');
      isDrained = state === 'drained';
      if (isDrained) await pause(MOST_PAUSE_MS, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof KnownError && error.code === 'WORKER_KEY_WRONG') throw error;
      log.warn({ event: 'worker.unanswered', err: error, waitMs: pauseMs }, `${server} gives no work now`);
      await pause(pauseMs, signal).catch(() => {});
      pauseMs = Math.min(MOST_PAUSE_MS, 2 * pauseMs);
    }
  }
}

async function readKey({ keyFile, server }: TakeOptions): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(keyFile, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw new KnownError(`${keyFile} cannot be read: ${String(error)}`, {
      code: 'CONFIG_INVALID',
      cause: error,
    });
  }
  const read = keyShape.safeParse(parseJson(text));
  if (read.success && read.data.server === server) return read.data.key;
  const why = read.success ? `is of ${read.data.server}, and not of ${server}` : 'holds no key of a worker';
  throw new KnownError(`${keyFile} ${why}: move it away, or name another by EXECUTOR_KEY_FILE`, {
    code: 'CONFIG_INVALID',
  });
}

async function register(options: TakeOptions): Promise<string> {
  const { server, invitation, keyFile, log, name, tasks } = options;
  if (invitation === undefined) {
    throw new KnownError(
      `There is no key in ${keyFile} yet: set EXECUTOR_INVITATION to what "sluice workers invite" prints`,
      { code: 'CONFIG_INVALID' },
    );
  }
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'processor'}, ${byteSize(totalmem())}, ${platform()} ${arch()}`;
  const said = { name, tasks, version: readVersion(), machine: machine.slice(0, 200) };
  const registered = await ask(options, 'register', invitation, said, registeredShape);
  await writeFile(keyFile, `${JSON.stringify({ server, key: registered.key })}\n`, {
    mode: 0o600,
    flag: 'wx',
  });
  log.info({ event: 'worker.registered', name: registered.name, keyFile }, 'registered');
  return registered.key;
}

async function ask<T>(
  { server, signal }: Pick<TakeOptions, 'server' | 'signal'>,
  what: 'register' | 'take',
  secret: string,
  body: object,
  shape: z.ZodType<T>,
): Promise<T> {
  const said = { secret, body, signal, idleTimeoutMs: IDLE_TIMEOUT_MS };
  return await askSluice(`${server}/api/workers/${what}`, said, shape, refusalOf);
}

/** What Sluice says of the worker itself is told by its own code. */
function refusalOf(...[request, status, text, headers]: Parameters<typeof refusal>): KnownError {
  const error = refusal(request, status, text, headers);
  const said = z.object({ code: z.enum(OUR_CODES), detail: z.string() }).safeParse(parseJson(text));
  if (!said.success) return error;
  return new KnownError(said.data.detail, { code: said.data.code, details: error.details });
}

const OUR_CODES = ['INVITATION_WRONG', 'WORKER_NAME_TAKEN', 'WORKER_KEY_WRONG'] as const;
