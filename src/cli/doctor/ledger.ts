import { accessSync, constants, existsSync } from 'node:fs';
import type { Config } from '../../config/config.ts';
import { type Finding, fail, ok, warn } from '../../domain/finding.ts';
import { inspectLedger } from '../../ledger/inspect.ts';
import { byteSize } from '../../lib/byte-size.ts';

export function checkLedger({ ledgerPath, dataDir }: Config): Finding {
  if (existsSync(dataDir) && !isWritable(dataDir)) {
    return fail(`${dataDir} cannot be written`, 'Run this, and Sluice, as the user that owns DATA_DIR.');
  }
  const found = inspectLedger(ledgerPath);
  if (found.kind === 'absent') return ok(`${ledgerPath} is made by the first start`);
  if (found.damages.length > 0) {
    const [first = ''] = found.damages;
    return fail(
      `${ledgerPath} is damaged: ${first}`,
      'Stop Sluice, keep a copy of the file, and restore the last backup (docs/operations.md); check the disk.',
    );
  }
  if (found.unknown.length > 0) {
    return fail(
      `${ledgerPath} belongs to a newer version of Sluice (${found.unknown.join(', ')})`,
      'Run that version again, or restore the backup from before it (docs/upgrading.md). Nothing has been changed.',
    );
  }
  if (found.pending.length > 0) {
    return warn(
      `${found.recordings} recordings, sound, of an older version: the next start takes ${found.pending.join(', ')}`,
      'There is no way back but a backup: make one before you start this version (docs/upgrading.md).',
    );
  }
  if (found.isExposed) {
    return warn(`${ledgerPath} can be read by others`, `It holds names and tokens: chmod 600 ${ledgerPath}*`);
  }
  return ok(`${found.recordings} recordings, ${byteSize(found.bytes)}, sound`);
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
