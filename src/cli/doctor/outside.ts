import type { Config } from '../../config/config.ts';
import { summarize } from '../../domain/errors.ts';
import { type Finding, fail, ok, skip, warn } from '../../domain/finding.ts';
import { dismiss, type Request, readText, send } from '../../lib/http.ts';
import { CHECKUPS } from '../../outside/doctor.ts';

const IDLE_TIMEOUT_MS = 5000;

/** What only operators may read, and by what one knows that it is Sluice that shows it. */
const OPERATORS_PATHS: readonly (readonly [path: string, sign: RegExp])[] = [
  ['/api/status', /"oldest_waiting_at"/],
  ['/metrics', /^sluice_/m],
  ['/', /<title>[^<]*Sluice/],
];

/** Who calls from outside, and where. */
const CALLERS = CHECKUPS.flatMap(({ name, door }) => (door === undefined ? [] : [{ name, door }]));

/** A refusal of ours, so that the request has come through. */
const OWN_REFUSAL = /urn:sluice:error:/;

/** What was answered there, or why nothing was. */
type Answer =
  | { readonly status: number; readonly text: string; readonly isTus: boolean }
  | { readonly why: string };

/**
 * What of this Sluice others find at its public address: webhooks and uploads have to get through, what is for operators
 * must not without a token. It is asked from here, which says nothing of a firewall in between.
 */
export async function checkOutside(
  { alarms, pipeline, tus }: Config,
  { isBeforeStart, signal }: { readonly isBeforeStart: boolean; readonly signal: AbortSignal },
): Promise<Finding> {
  if (alarms.dashboardUrl === undefined) return skip('PUBLIC_URL is not set');
  const { origin } = new URL(alarms.dashboardUrl);
  const uploads = tus.publicUrl ?? `${origin}/tusupload`;
  if (isOwnAddress(alarms.dashboardUrl, pipeline)) return skip('PUBLIC_URL leads to this machine only');
  if (isBeforeStart) return skip('Sluice is not started yet');

  const open: string[] = [];
  let silence: string | undefined;
  for (const [path, sign] of OPERATORS_PATHS) {
    const answer = await ask('GET', `${origin}${path}`, signal);
    if ('why' in answer) silence ??= answer.why;
    else if (answer.status === 200 && sign.test(answer.text)) open.push(path);
  }
  if (open.length > 0) {
    return fail(
      `anybody may read ${open.join(', ')} at ${origin}`,
      'Let the proxy pass only what docs/proxy names and add X-Forwarded-For, or set ADMIN_TOKEN and LOCAL_TRUST=off.',
    );
  }
  const lost: string[] = [];
  for (const { door } of CALLERS) {
    const webhook = await ask('POST', `${origin}${door}`, signal);
    if ('why' in webhook) {
      return warn(
        `cannot be told: ${origin} does not answer from here (${silence ?? webhook.why})`,
        `Ask from another network: curl -i -d '{}' ${origin}${door} has to answer 401. See PUBLIC_URL, DNS, and the proxy.`,
      );
    }
    if (!OWN_REFUSAL.test(webhook.text)) lost.push(`${origin}${door} (${webhook.status})`);
  }
  const upload = await ask('OPTIONS', uploads, signal);
  lost.push(
    ...(!('why' in upload) && upload.isTus
      ? []
      : [`${uploads} (${'why' in upload ? upload.why : upload.status})`]),
  );
  if (lost.length > 0) {
    return warn(
      `does not get through to Sluice: ${lost.join(', ')}`,
      `Right if ${[...CALLERS.map(({ name }) => name), 'tutors'].join(' and ')} use another address (UPLOAD_PUBLIC_URL); else let the proxy pass it: docs/proxy.`,
    );
  }
  return ok(`webhooks and uploads get through at ${origin}, operators' pages are closed; asked from here`);
}

/** Whether an address is that of the pipeline server itself, with no proxy before it. */
function isOwnAddress(address: string, { url }: { readonly url: string }): boolean {
  const [theirs, own] = [new URL(address), new URL(url)];
  const isLocal = ({ hostname }: URL) => /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
  return theirs.origin === own.origin || (isLocal(theirs) && isLocal(own) && theirs.port === own.port);
}

async function ask(method: 'GET' | 'POST' | 'OPTIONS', url: string, signal: AbortSignal): Promise<Answer> {
  const request: Request = {
    service: 'The public address',
    method,
    url,
    signal,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    ...(method === 'POST' ? { headers: { 'content-type': 'application/json' }, body: '{}' } : {}),
  };
  try {
    const response = await send(request);
    const { status, headers } = response;
    const isTus = headers['tus-resumable'] !== undefined || headers['tus-version'] !== undefined;
    if (method !== 'OPTIONS') return { status, isTus, text: await readText(request, response) };
    dismiss(response);
    return { status, isTus, text: '' };
  } catch (error) {
    signal.throwIfAborted();
    return { why: summarize(error).message };
  }
}
