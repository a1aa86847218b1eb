import { randomBytes } from 'node:crypto';
import { KnownError } from '../domain/errors.ts';
import type { RemoteJob } from '../domain/handed-over.ts';
import type { NewRemoteWorker, RemoteWorker, RemoteWorkerState } from '../domain/remote-worker.ts';
import type { HandedOver } from '../ledger/handed-over.ts';
import type { RemoteWorkers } from '../ledger/remote-workers.ts';
import { pause } from '../lib/abort.ts';
import { sha256 } from '../lib/digest.ts';
import { wallMs } from '../lib/wall-time.ts';

/** A worker elsewhere as people see it. */
export interface RemoteWorkerInSight extends RemoteWorker {
  /** What it has taken and not ended. */
  readonly jobs: readonly { readonly recordingId: string; readonly step: string }[];
}

/** Lets workers elsewhere in, and gives them steps. */
export interface RemoteWorkersDesk {
  /** Makes what lets one worker register, once, within so many milliseconds. It is shown here and kept nowhere. */
  invite(
    by: string,
    withinMs: number,
  ): Promise<{ readonly invitation: string; readonly expiresAtMs: number }>;
  /** @throws KnownError `INVITATION_WRONG`, `WORKER_NAME_TAKEN` */
  register(
    invitation: string,
    worker: NewRemoteWorker,
  ): Promise<{ readonly worker: RemoteWorker; readonly key: string }>;
  /**
   * Gives a worker the step that has waited longest of those that it can do, as soon as there is one; none within the time, and none
   * to one that is drained.
   *
   * @throws KnownError `WORKER_KEY_WRONG`
   */
  take(
    key: string,
    how: { readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<{ readonly worker: RemoteWorker; readonly job: RemoteJob | undefined }>;
  all(): Promise<RemoteWorkerInSight[]>;
  /** What waits for a worker, by its task. */
  offered(): Promise<{ readonly task: string; readonly count: number; readonly waitedS: number }[]>;
  /**
   * Has a worker be given work or none, or nothing any more; what one has that is revoked waits for another.
   *
   * @throws KnownError `NOT_FOUND`
   */
  setState(name: string, state: RemoteWorkerState): Promise<RemoteWorkerInSight>;
}

/** How often it is looked for work while a worker waits for some, in milliseconds. */
const LOOK_EVERY_MS = 50;

/** How often it is kept that a worker is there, in milliseconds. */
const SEEN_EVERY_MS = 10_000;

/** What comes before each secret, so that nobody takes one for another. */
const [INVITATION, KEY] = ['sluice_invitation_', 'sluice_worker_'];

export function createRemoteWorkersDesk({
  remoteWorkers,
  handedOver,
}: {
  readonly remoteWorkers: RemoteWorkers;
  readonly handedOver: HandedOver;
}): RemoteWorkersDesk {
  /** @throws KnownError `WORKER_KEY_WRONG` */
  async function require(digest: string): Promise<RemoteWorker> {
    const worker = await remoteWorkers.ofKey(digest);
    if (worker !== undefined && worker.state !== 'revoked') return worker;
    const why = worker === undefined ? 'No worker has this key' : `The worker ${worker.name} was revoked`;
    throw new KnownError(why, { code: 'WORKER_KEY_WRONG' });
  }

  /** @param secrets What opens the callback and the files of the step that is taken, if one is. */
  async function takeFor({ id, tasks }: RemoteWorker, secrets: Secrets): Promise<RemoteJob | undefined> {
    const { token, key, hashes } = secrets;
    const taken = await handedOver.take(id, tasks, hashes);
    if (taken === undefined) return undefined;
    const { baseUrl, ...job } = taken.offer;
    const files = `${baseUrl}/api/jobs/${taken.id}/${key}`;
    return {
      job: { id: taken.id, ...job },
      inputUrl: `${files}/input`,
      outputPrefix: `${files}/outputs/`,
      token,
      callbackUrl: `${baseUrl}/api/jobs/${taken.id}/callback`,
    };
  }

  async function inSight(workers: readonly RemoteWorker[]): Promise<RemoteWorkerInSight[]> {
    const taken = await handedOver.takenBy(workers.map(({ id }) => id));
    return workers.map((worker) => ({
      ...worker,
      jobs: taken
        .filter(({ takenBy }) => takenBy === worker.id)
        .map(({ recordingId, step }) => ({ recordingId, step })),
    }));
  }

  return {
    async invite(by, withinMs) {
      const invitation = `${INVITATION}${secret()}`;
      const expiresAtMs = wallMs() + withinMs;
      await remoteWorkers.invite(sha256(invitation), by, expiresAtMs);
      return { invitation, expiresAtMs };
    },

    async register(invitation, worker) {
      const key = `${KEY}${secret()}`;
      const registered = await remoteWorkers.register(sha256(invitation), { ...worker, digest: sha256(key) });
      return { worker: registered, key };
    },

    async take(key, { waitMs, signal }) {
      const digest = sha256(key);
      const secrets = newSecrets();
      const untilMs = performance.now() + waitMs;
      let seenMs = Number.NEGATIVE_INFINITY;
      for (;;) {
        // One that is drained or revoked meanwhile is given nothing.
        const worker = await require(digest);
        if (performance.now() - seenMs > SEEN_EVERY_MS) {
          await remoteWorkers.seen(worker.id);
          seenMs = performance.now();
        }
        const mayTake = worker.state === 'active' && !signal.aborted;
        const job = mayTake ? await takeFor(worker, secrets) : undefined;
        // Nobody is there any more to be given it.
        if (job !== undefined && signal.aborted) await handedOver.close(job.job.id);
        if (job !== undefined || !mayTake || performance.now() >= untilMs) return { worker, job };
        await pause(LOOK_EVERY_MS, signal).catch(() => {});
      }
    },

    all: async () => await inSight(await remoteWorkers.all()),

    async offered() {
      const nowMs = wallMs();
      return (await handedOver.offered()).map(({ task, count, sinceMs }) => ({
        ...{ task, count },
        waitedS: Math.max(0, Math.round((nowMs - sinceMs) / 1000)),
      }));
    },

    async setState(name, state) {
      const worker = await remoteWorkers.setState(name, state);
      if (worker === undefined) {
        throw new KnownError(`There is no worker ${JSON.stringify(name.slice(0, 100))}`, {
          code: 'NOT_FOUND',
        });
      }
      if (state === 'revoked') {
        for (const { id } of await handedOver.takenBy([worker.id])) await handedOver.close(id);
      }
      const [seen = { ...worker, jobs: [] }] = await inSight([worker]);
      return seen;
    },
  };
}

type Secrets = ReturnType<typeof newSecrets>;

function newSecrets() {
  const [token, key] = [secret(), secret()];
  return { token, key, hashes: { tokenHash: sha256(token), filesHash: sha256(key) } };
}

function secret(): string {
  return randomBytes(32).toString('base64url');
}
