import type { Executor } from '../engine/ports/executor.ts';
import { createGcpExecutor, type GcpOptions } from './executors/gcp.ts';
import { createHttpExecutor, type HttpExecutorOptions } from './executors/http.ts';
import { createLambdaExecutor, type LambdaOptions } from './executors/lambda.ts';
import { createPulledExecutor, type Offers } from './executors/pulled.ts';

/** How bytes are moved, wherever they go. */
type Transfer = Pick<HttpExecutorOptions, 'idleTimeoutMs' | 'minBytesPerSecond'>;

/** Where jobs are handed out to. */
type Place =
  | ({ readonly kind: 'http' } & Omit<HttpExecutorOptions, keyof Transfer>)
  | ({ readonly kind: 'lambda' } & Omit<LambdaOptions, keyof Transfer>)
  | ({ readonly kind: 'gcp' } & Omit<GcpOptions, keyof Transfer>)
  | { readonly kind: 'workers'; readonly baseUrl: string };

export interface ExecutorConfig {
  readonly executor: { readonly place: Place | undefined };
  readonly transfer: Transfer;
}

/** Opens the executor that is set up; `undefined`: this machine does every step. Nothing is asked of it yet. */
export function createExecutor(
  { executor: { place }, transfer }: ExecutorConfig,
  offers: Offers,
): Executor | undefined {
  switch (place?.kind) {
    case undefined:
      return undefined;
    case 'http':
      return createHttpExecutor({ ...place, ...transfer });
    case 'lambda':
      return createLambdaExecutor({ ...place, ...transfer });
    case 'gcp':
      return createGcpExecutor({ ...place, ...transfer });
    case 'workers':
      return createPulledExecutor({ ...place, offers });
  }
}
