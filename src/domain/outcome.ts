/** What became of a job: finished with, to be run again at a time, or given back to the front of the line. */
export type Outcome = 'finished' | 'given-back' | { readonly againAtMs: number };
