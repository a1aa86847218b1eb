import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError, type ServiceImpl } from '@connectrpc/connect';
import {
  type Health,
  HealthCheckResponse_ServingStatus as Serving,
} from './stubs/grpc/health/v1/health_pb.ts';

/** How often somebody who watches is looked after, in milliseconds. */
const LOOK_EVERY_MS = 250;

/** More watch at once than any balancer needs. */
const MOST_WATCHERS = 50;

/**
 * Whether the door takes calls: for anybody, as load balancers ask it. It does until it is about to end.
 *
 * @param services The names of those that are served; the empty one is all of them.
 */
export function createHealth(services: readonly string[]): {
  readonly service: ServiceImpl<typeof Health>;
  /** From now on it says that it takes none. */
  end(): void;
} {
  const known = ['', ...services];
  const ending = new AbortController();
  let watchers = 0;
  const statusOf = () => (ending.signal.aborted ? Serving.NOT_SERVING : Serving.SERVING);
  return {
    end: () => ending.abort(),
    service: {
      check({ service }) {
        if (known.includes(service)) return { status: statusOf() };
        throw new ConnectError('There is no such service', Code.NotFound);
      },

      async *watch({ service }, { signal }) {
        if (watchers >= MOST_WATCHERS) {
          throw new ConnectError(`${MOST_WATCHERS} are watching already`, Code.ResourceExhausted);
        }
        watchers += 1;
        try {
          const isKnown = known.includes(service);
          let told: Serving | undefined;
          while (!signal.aborted) {
            const status = isKnown ? statusOf() : Serving.SERVICE_UNKNOWN;
            if (status !== told) yield { status };
            told = status;
            if (ending.signal.aborted) return;
            await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
          }
        } finally {
          watchers -= 1;
        }
      },
    },
  };
}
