import type { Logger } from 'pino';
import { isOutage, KnownError, summarize } from '../domain/errors.ts';
import { askedMs } from '../domain/next-attempt.ts';
import type { Circuits } from '../ledger/circuits.ts';
import { wallMs } from '../lib/wall-time.ts';

/** How much longer than the others a recording waits for a service that has just failed it. */
const OTHERS_FIRST = 1.25;

/** A question to a service that belongs to no recording, so that its answer tells of the service alone. */
export interface Probe {
  /** @throws KnownError what the service fails everybody with. */
  ask(call: { readonly signal: AbortSignal }): Promise<void>;
  /** An answer shows that recordings are served as well, and not only that somebody is there. */
  readonly provesService: boolean;
}

/** That of a service; `undefined`: there is none. */
export type Probes = (service: string) => Probe | undefined;

/** Work that depends on a service. */
interface Dependent {
  readonly service: string | undefined;
  readonly recordingId: string;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Runs what depends on a service, unless the service is known to be down, and learns from how it went. */
export function createBlame({ circuits, probes }: { circuits: Circuits; probes: Probes }) {
  async function withService<T>(dependent: Dependent, work: () => Promise<T>): Promise<T> {
    const { service, recordingId, signal, log } = dependent;
    if (service === undefined) return await work();
    const openUntilMs = await circuits.openUntilMs(service);
    if (openUntilMs !== undefined) throw serviceDown(service, openUntilMs);
    try {
      const result = await work();
      await circuits.succeeded(service, recordingId);
      return result;
    } catch (error) {
      if (signal.aborted || !mayBeOutage(error)) throw error;
      const blamed = await findBlame(service, recordingId, error, signal);
      log.warn({ event: 'service.blamed', service, err: error, blamed: blamed.code }, 'a service has failed');
      throw blamed;
    }
  }

  /**
   * Whose trouble it is that a service has failed a recording: asks the service something that belongs to no recording.
   * If it fails that too, everybody waits, at no cost; if not, the recording pays, unless others are failed as well.
   */
  async function findBlame(
    service: string,
    recordingId: string,
    error: KnownError,
    signal: AbortSignal,
  ): Promise<KnownError> {
    const outage = isOfAccount(error) ? error : await askService(service, signal);
    if (outage !== undefined) {
      const untilAskedMs = wallMs() + askedMs(outage);
      const { untilMs, isOpen } = await circuits.failed(service, summarize(outage), untilAskedMs);
      return isOfAccount(error) && !isOpen ? error : serviceDown(service, untilMs, outage);
    }
    if (!isOutage(error)) return error;
    const verdict = await circuits.doubted({
      service,
      recordingId,
      error: summarize(error),
      isWell: probes(service)?.provesService ?? false,
    });
    return verdict === 'own' ? error : serviceDown(service, verdict.untilMs, error);
  }

  /** What the service fails everybody with, or `undefined` if it is well. */
  async function askService(service: string, signal: AbortSignal): Promise<KnownError | undefined> {
    try {
      await probes(service)?.ask({ signal });
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof KnownError) return error;
      throw error;
    }
  }

  return { withService };
}

/** Whether an error may tell of the service rather than of one recording. */
function mayBeOutage(error: unknown): error is KnownError {
  return isOutage(error) || (error instanceof KnownError && error.code === 'REMOTE_ANSWER_INVALID');
}

/** Whether a service has said itself that it fails everybody. */
function isOfAccount(error: KnownError): boolean {
  return error.code === 'REMOTE_CAP_EXCEEDED';
}

/** Whether a step could not get on because its service does not serve anybody, which keeps no other step from it. */
export function isServiceTrouble(error: unknown): boolean {
  return isOutage(error) || (error instanceof KnownError && error.code === 'SERVICE_DOWN');
}

/** @param cause What the recording itself has met: then others are to try before it does again. */
export function serviceDown(service: string, untilMs: number, cause?: KnownError): KnownError {
  const until = new Date(untilMs).toISOString();
  const pauseMs = untilMs - wallMs();
  return new KnownError(
    `${service} is down and is tried again at ${until}${cause ? ` (${cause.message})` : ''}`,
    {
      code: 'SERVICE_DOWN',
      retry: { waitMs: cause ? pauseMs * OTHERS_FIRST : pauseMs },
      cause,
      details: { service },
    },
  );
}
