import type { RemoteJob } from '../../domain/handed-over.ts';
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
  /** What is started waits until somebody comes for it, for as long as that takes, and may be given back. */
  readonly isPulled?: true;
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
