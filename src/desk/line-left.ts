import type { Legs } from '../domain/progress.ts';
import type { Recording } from '../domain/recording.ts';
import type { LineAhead } from '../ledger/line-ahead.ts';

/** What is left of the line; `undefined` where nobody can know it. */
export interface LineLeft {
  readonly leftBytes: number | undefined;
  readonly leftS: number | undefined;
}

/**
 * How much is left of what moves and of what may move now, and how long that will take: what moves by its own speed, and
 * the rest as fast as the last recordings came home.
 *
 * @param options.legs How far the moving recording is, if it was told.
 */
export async function lineLeft(options: {
  readonly lineAhead: LineAhead;
  readonly moving: Pick<Recording, 'kind' | 'bytes'> | undefined;
  readonly legs: Legs | undefined;
  readonly isPaused: boolean;
}): Promise<LineLeft> {
  const { moving, isPaused } = options;
  const legs = Object.values(options.legs ?? {});
  const waitingBytes = await options.lineAhead.waitingBytes();
  const movingBytes = moving === undefined ? 0 : leftOf(moving, legs);
  if (waitingBytes === undefined || movingBytes === undefined) {
    return { leftBytes: undefined, leftS: undefined };
  }

  const open = legs.filter(({ leftS }) => leftS !== 0);
  const isStanding =
    moving !== undefined && open.length > 0 && open.every(({ bytesPerS }) => bytesPerS === 0);
  const speed = (await options.lineAhead.bytesPerS()) ?? slowest(open);
  const ownS = open.length === 0 ? undefined : Math.max(...open.map(({ leftS }) => leftS ?? Number.NaN));
  const restS = (bytes: number) => (bytes === 0 ? 0 : speed === undefined ? Number.NaN : bytes / speed);
  const movingS = ownS === undefined || Number.isNaN(ownS) ? restS(movingBytes) : ownS;
  const leftS = Math.ceil(movingS + restS(waitingBytes));
  return {
    leftBytes: movingBytes + waitingBytes,
    leftS: isPaused || isStanding || Number.isNaN(leftS) ? undefined : leftS,
  };
}

/** What the slowest leg still has to move; `undefined` where nobody knows. */
function leftOf(
  { kind, bytes }: Pick<Recording, 'kind' | 'bytes'>,
  legs: readonly NonNullable<Legs[keyof Legs]>[],
): number | undefined {
  const totals = legs.map(({ totalBytes }) => totalBytes).filter((total) => total > 0);
  const totalBytes = totals.length > 0 ? Math.max(...totals) : bytes;
  if (totalBytes === null) return kind === 'video' ? undefined : 0;
  if (legs.length === 0) return totalBytes;
  return Math.max(0, totalBytes - Math.min(...legs.map(({ doneBytes }) => doneBytes)));
}

function slowest(legs: readonly { readonly bytesPerS: number }[]): number | undefined {
  const speeds = legs.map(({ bytesPerS }) => bytesPerS).filter((speed) => speed > 0);
  return speeds.length === 0 ? undefined : Math.min(...speeds);
}
