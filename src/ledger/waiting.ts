/** Something that is to be done, at its place in line. */
export interface WaitingItem {
  readonly id: string;
  /** Rises with each new item; the order of the line. */
  readonly seq: number;
  /** The time before which it is not to be done; 0 for at once. */
  readonly notBeforeMs: number;
  /** The host that is to do it; absent: any. */
  readonly host?: string | undefined;
}

export function toWaitingItem(row: { id: string; seq: number; not_before_ms: number }): WaitingItem {
  return { id: row.id, seq: Number(row.seq), notBeforeMs: Number(row.not_before_ms) };
}
