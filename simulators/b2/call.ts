import type { Params } from './params.ts';
import type { Store } from './store.ts';
import type { Tokens } from './tokens.ts';

/** What the calls of the API work on. */
export interface CallOptions {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly keyId: string;
  readonly applicationKey: string;
  readonly recommendedPartSize: number;
  readonly absoluteMinimumPartSize: number;
  readonly capabilities: readonly string[];
}

/** One call of the API, which answers its JSON body or throws a refusal. */
export interface Call {
  /** Calls that only read may come as GET too. */
  readonly reads: boolean;
  run(
    params: Params,
    context: { readonly version: number; readonly baseUrl: string },
  ): object | Promise<object>;
}

/** How many entries a listing answers unless told otherwise. */
export const DEFAULT_COUNT = 100;
