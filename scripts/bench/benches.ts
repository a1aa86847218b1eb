import type { Bench } from './bench.ts';
import { flat } from './flat.ts';

/** All that there are, in the order in which `all` runs them. */
export const BENCHES: readonly Bench[] = [flat];
