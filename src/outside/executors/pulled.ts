import type { RemoteJob } from '../../domain/handed-over.ts';
import type { Executor } from '../../engine/ports/executor.ts';
import { EXECUTOR } from './words.ts';

/** Where jobs wait for workers. */
export interface Offers {
  /** Has one wait, all of whose words but its secrets are these. */
  offer(
    id: string,
    job: Pick<RemoteJob['job'], 'task' | 'params' | 'inputName'> & { readonly baseUrl: string },
  ): Promise<void>;
}

/** Lets jobs wait until workers elsewhere come for them; each is given the secrets of its job when it takes it. */
export function createPulledExecutor({
  offers,
  baseUrl,
}: {
  readonly offers: Offers;
  readonly baseUrl: string;
}): Executor {
  return {
    name: 'workers',
    service: EXECUTOR.service,
    label: 'The worker',
    isPulled: true,
    async start({ job: { id, task, params, inputName } }) {
      await offers.offer(id, { task, params, inputName, baseUrl });
      return { ref: null };
    },
  };
}
