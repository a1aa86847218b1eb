import { isMachineTrouble, systemCode } from '../domain/errors.ts';

/** Whether an error would meet every change alike: the ledger is locked or away, the disk is full or broken. */
export function isOfTheLedger(error: unknown): boolean {
  const code = systemCode(error) ?? '';
  return isMachineTrouble(error) || (code.startsWith('SQLITE_') && !code.startsWith('SQLITE_CONSTRAINT'));
}
