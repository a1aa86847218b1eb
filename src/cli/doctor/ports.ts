import type { Config } from '../../config/config.ts';
import { systemCode } from '../../domain/errors.ts';
import { type Finding, fail, ok, skip } from '../../domain/finding.ts';
import { dismiss, type Request, readText, send } from '../../lib/http.ts';
import { type Pm2, starting } from './pm2.ts';

const IDLE_TIMEOUT_MS = 5000;

interface ProcessCheckOptions {
  readonly pm2: Pm2;
  readonly isBeforeStart: boolean;
  readonly signal: AbortSignal;
}

export async function checkPipeline(url: string, options: ProcessCheckOptions): Promise<Finding> {
  const answer = await ask('GET', `${url.replace(/\/+$/, '')}/readyz`, options.signal);
  if (answer === undefined) return await notRunning(url, 'pipeline', options);
  const state = readState(answer.text);
  if (state === undefined) return taken(url, 'PIPELINE_PORT');
  if (state['ledger'] !== 'ok') {
    return fail(
      'runs, and cannot use the ledger',
      'See that the disk has room; look at DATA_DIR/logs/pipeline-error.log and pipeline-out.log.',
    );
  }
  return ok(`answers at ${url}`);
}

export async function checkTus({ tus }: Config, options: ProcessCheckOptions): Promise<Finding> {
  const host = tus.host === '0.0.0.0' || tus.host === '::' ? '127.0.0.1' : tus.host;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${tus.port}`;
  const answer = await ask('OPTIONS', `${url}/tusupload`, options.signal);
  if (answer === undefined) return await notRunning(url, 'tus', options);
  if (answer.headers['tus-resumable'] === undefined && answer.headers['tus-version'] === undefined) {
    return taken(url, 'TUS_PORT');
  }
  const isOpen = tus.tokenSecrets.length > 0;
  return ok(isOpen ? `answers at ${url}` : `answers at ${url}, to this machine only: no UPLOAD_TOKEN_SECRET`);
}

/** The answer, or `undefined` if nobody listens there. */
async function ask(method: string, url: string, signal: AbortSignal) {
  const request: Request = { service: 'This address', method, url, signal, idleTimeoutMs: IDLE_TIMEOUT_MS };
  try {
    const response = await send(request);
    if (method !== 'GET') {
      dismiss(response);
      return { headers: response.headers, text: '' };
    }
    return { headers: response.headers, text: await readText(request, response) };
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (['ECONNREFUSED', 'ENOENT'].includes(systemCode(cause) ?? '')) return undefined;
    throw error;
  }
}

function readState(text: string): Record<string, unknown> | undefined {
  try {
    const state: unknown = JSON.parse(text);
    const isOurs = typeof state === 'object' && state !== null && 'ledger' in state && 'redis' in state;
    return isOurs ? (state as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

async function notRunning(
  url: string,
  app: string,
  { pm2, isBeforeStart, signal }: ProcessCheckOptions,
): Promise<Finding> {
  if (isBeforeStart) return skip(`nobody answers at ${url} yet`);
  if (await pm2.isStarting(app, signal)) return starting(`nobody answers at ${url} yet`);
  return fail(`nobody answers at ${url}`, `Sluice does not run: npm start, or npx pm2 restart ${app}.`);
}

function taken(url: string, setting: string): Finding {
  return fail(
    `something else answers at ${url}`,
    `Find it with "ss -ltnp", and stop it or change ${setting} in .env.`,
  );
}
