import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { LedgerOrder } from './ledger-process.ts';

/** Has a process of its own do something to a ledger, and resolves with its answer. */
export async function order<T>(child: ChildProcess, wanted: LedgerOrder): Promise<T> {
  const answered = once(child, 'message');
  child.send(wanted);
  const [{ answer, error }] = (await answered) as [{ answer: T; error?: string }];
  if (error !== undefined) throw new Error(error);
  return answer;
}
