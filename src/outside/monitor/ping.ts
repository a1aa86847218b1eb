import { type Request, readText, refusal, send } from '../../lib/http.ts';

const IDLE_TIMEOUT_MS = 10_000;

/**
 * Tells a dead man's switch that all is well: one GET of its address. That something is not is told by silence, which
 * every such service understands; suffixes such as `/fail` are one service's, and may count as well at another.
 */
export function createAlarmPing({ url }: { readonly url: string }) {
  return async function ping(signal: AbortSignal): Promise<void> {
    const request: Request = {
      service: 'The address of ALARM_PING_URL',
      method: 'GET',
      url,
      // Whoever knows it may say that all is well.
      isPathSecret: true,
      signal: AbortSignal.any([signal, AbortSignal.timeout(IDLE_TIMEOUT_MS)]),
      idleTimeoutMs: IDLE_TIMEOUT_MS,
    };
    const response = await send(request);
    const text = await readText(request, response);
    if (response.status < 200 || response.status > 299) {
      throw refusal(request, response.status, text, response.headers);
    }
  };
}
