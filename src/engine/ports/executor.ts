import type { Call } from './store.ts';

/**
 * What a step is handed to when it is done elsewhere: a function or a container of somebody's cloud, or any program that
 * listens at an address. Every call makes one attempt, and fails with a KnownError that says whether another one can help;
 * what would meet every other step as well has one of the codes of `isOutage`.
 */
export interface Executor {
  readonly name: string;
  /** The name of its circuit. */
  readonly service: string;
  /** As people call it. */
  readonly label: string;
  /**
   * Has the job begin there. What became of it is said by callbacks alone. Asked a second time for the same id, where it can
   * tell so, it begins nothing new.
   *
   * @returns what it is called there; `null`: it has no name
   */
  start(job: RemoteJob, call: Call): Promise<{ readonly ref: string | null }>;
  /** Has it end, where that can be asked for; one that has ended already is no error. */
  stop?(ref: string, call: Call): Promise<void>;
}

/** All that a program elsewhere needs to do a step, as it is sent to it. */
export interface RemoteJob {
  readonly job: {
    /** A UUID. */
    readonly id: string;
    /** The task, and its parameters as a recipe has them. */
    readonly task: string;
    readonly params: unknown;
    /** What the input is called by people; its end says what kind of file it may be. */
    readonly inputName: string;
  };
  /** Where the input is read by GET, whole or by ranges, without more than this address. */
  readonly inputUrl: string;
  /** Ends in a slash: an output is written by PUT to this address and the output's name. */
  readonly outputPrefix: string;
  /** Of this job alone; said at the callback as `Authorization: Bearer`. */
  readonly token: string;
  /** Where progress and the end are said by POST. */
  readonly callbackUrl: string;
}
