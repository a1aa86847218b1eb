import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { fileRecording } from './ledger.ts';

/** What a test asks of a process of its own; each is answered with one message. */
export type LedgerOrder =
  | { readonly do: 'open'; readonly address: string; readonly leaseMs: number }
  | { readonly do: 'accept'; readonly keys: readonly string[] }
  | { readonly do: 'acquire'; readonly recordingId: string; readonly attempts: number };

let ledger: Awaited<ReturnType<typeof openWholeLedger>> | undefined;

async function obey(order: LedgerOrder): Promise<unknown> {
  if (order.do === 'open') {
    ledger = await openWholeLedger(order);
    return 'open';
  }
  if (ledger === undefined) throw new Error('the ledger is not open');
  if (order.do === 'accept') {
    const accepted = [];
    for (const key of order.keys) accepted.push(await ledger.recordings.accept(fileRecording(key)));
    return accepted;
  }
  // The lease is never released: it ends with this process, or when it is not renewed.
  for (let attempt = 0; attempt < order.attempts; attempt += 1) {
    const holder = String(process.pid);
    const lease = await ledger.gate.acquire({ recordingId: order.recordingId, holder, onLost: () => {} });
    if (lease !== undefined) return lease.fence;
  }
  return null;
}

process.on('message', (order: LedgerOrder) => {
  obey(order).then(
    (answer) => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.send?.({ answer: 'ready' });
