import { pause } from './waiting.ts';

/** How soon a script tries again, in milliseconds. */
const SCRIPT_PAUSE_MS = 500;

/** After so long without an answer a script asks again, in milliseconds. */
const ASK_TIMEOUT_MS = 10_000;
const MOST_SILENT_MS = 15_000;

export interface FinalAnswer {
  readonly status: number;
  readonly text: string;
}

/** Posts JSON as a script does: tries again when nobody answers or the answer is 5xx. */
export async function postUntilAnswered(
  url: string,
  body: object,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): Promise<FinalAnswer> {
  for (;;) {
    const answer = await postOnce(url, body, signal, headers);
    if (answer !== undefined && answer.status < 500) return answer;
    await pause(SCRIPT_PAUSE_MS, signal);
  }
}

/** Posts JSON; `undefined`: nobody has answered. */
export async function postOnce(
  url: string,
  body: object,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): Promise<FinalAnswer | undefined> {
  const asking = fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.any([signal, AbortSignal.timeout(ASK_TIMEOUT_MS)]),
  }).then(
    async (answer) => ({ status: answer.status, text: await answer.text().catch(() => '') }),
    () => undefined,
  );
  // A request whose server is killed at the wrong moment may hear of neither its end nor its time-out.
  const answer = await Promise.race([asking, pause(MOST_SILENT_MS, signal).then(() => undefined)]);
  signal.throwIfAborted();
  return answer;
}
