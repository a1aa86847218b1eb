import { setTimeout as sleep } from 'node:timers/promises';
import { BenchFailure } from './bench.ts';
import { type SimulatedServices, steer } from './simulated-services.ts';

const POLL_MS = 100;

/** A recording that a door has taken. */
export interface Announced {
  readonly id: string;
  /** When the door had answered. */
  readonly answeredAtMs: number;
}

/** A recording that is home. */
export interface Home {
  /** From the door's answer until archive and publish were both done. */
  readonly wallMs: number;
  /** From the same moment until each of the three was done. */
  readonly doneAfterMs: { readonly fetch: number; readonly archive: number; readonly publish: number };
}

interface Detail {
  readonly state: string;
  readonly last_error: unknown;
  readonly stages: Readonly<Record<string, { readonly done_at: string | null } | undefined>>;
}

/** Makes meetings of files in the Zoom simulator, announces them to the pipeline, and follows them. */
export function createRecordings(
  { zoom }: Pick<SimulatedServices['urls'], 'zoom'>,
  pipelineUrl: string,
  signal: AbortSignal,
) {
  /** Sends a signed webhook about a meeting with this file. */
  async function announce(path: string): Promise<Announced> {
    signal.throwIfAborted();
    const meeting = { topic: 'Algebra', files: [{ path }] };
    const { uuid } = (await steer('POST', `${zoom}/__sim/meetings`, meeting)) as { readonly uuid: string };
    const { status } = (await steer('POST', `${zoom}/__sim/send`, {
      meetingUuid: uuid,
      webhookUrl: `${pipelineUrl}/zoom-upload`,
    })) as { readonly status: number };
    const answeredAtMs = Date.now();
    if (status !== 200) throw new BenchFailure(`The door answered a webhook with ${status}.`);
    const { recordings } = (await steer('GET', `${pipelineUrl}/api/recordings?limit=1`)) as {
      readonly recordings: readonly { readonly id: string }[];
    };
    const [newest] = recordings;
    if (newest === undefined) throw new BenchFailure('The pipeline took a webhook and has no recording.');
    return { id: newest.id, answeredAtMs };
  }

  /** Waits until a recording is done, its local copy gone. */
  async function untilHome({ id, answeredAtMs }: Announced): Promise<Home> {
    for (;;) {
      signal.throwIfAborted();
      const { state, last_error, stages } = (await steer(
        'GET',
        `${pipelineUrl}/api/recordings/${id}`,
      )) as Detail;
      if (state === 'failed' || state === 'backing-off') {
        throw new BenchFailure(`The recording is ${state}: ${JSON.stringify(last_error)}`);
      }
      if (state === 'done') {
        const after = (stage: string) => {
          const doneAt = stages[stage]?.done_at;
          if (doneAt == null)
            throw new Error(`the recording is done, and nobody knows when its ${stage} was`);
          return Date.parse(doneAt) - answeredAtMs;
        };
        const doneAfterMs = { fetch: after('fetch'), archive: after('archive'), publish: after('publish') };
        return { wallMs: Math.max(doneAfterMs.archive, doneAfterMs.publish), doneAfterMs };
      }
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
  }

  return { announce, untilHome };
}
