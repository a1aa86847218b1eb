/** Over which the speed is measured, in milliseconds: long enough not to jump on a link that sends in bursts. */
const WINDOW_MS = 15_000;

/** How fast bytes have been sent lately. */
export interface Speed {
  /** Takes down how many have been sent by now; gives bytes per second, 0 if that cannot be told yet. */
  note(sentBytes: number, atMs: number): number;
}

export function createSpeed(): Speed {
  let samples: readonly { readonly atMs: number; readonly bytes: number }[] = [];
  return {
    note(sentBytes, atMs) {
      const recent = samples.filter((sample) => atMs - sample.atMs < WINDOW_MS);
      // One from before the window, so that a burst after a long silence is not taken for the speed.
      const first = recent.length > 0 ? recent[0] : samples.at(-1);
      samples = [...(recent.length > 0 ? recent : samples.slice(-1)), { atMs, bytes: sentBytes }];
      return first === undefined || atMs <= first.atMs
        ? 0
        : Math.max(0, ((sentBytes - first.bytes) * 1000) / (atMs - first.atMs));
    },
  };
}
