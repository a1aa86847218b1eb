/** Keeps the screen on while that is wanted, where the browser can: a phone that falls asleep stops sending. */
export interface Awake {
  want(isWanted: boolean): void;
}

export function createAwake(onChange: (isAwake: boolean) => void): Awake {
  let isWanted = false;
  let isAsking = false;
  let lock: WakeLockSentinel | undefined;

  function set(next: WakeLockSentinel | undefined): void {
    lock = next;
    onChange(next !== undefined);
  }

  async function settle(): Promise<void> {
    if (isAsking) return;
    if (isWanted && lock === undefined && document.visibilityState === 'visible') {
      isAsking = true;
      // Missing without https and in old browsers; refused when the battery is low.
      const got = await navigator.wakeLock?.request('screen').catch(() => undefined);
      isAsking = false;
      if (got === undefined) return;
      got.addEventListener('release', () => {
        if (lock === got) set(undefined);
      });
      if (!got.released) set(got);
    }
    if (!isWanted && lock !== undefined) {
      const held = lock;
      set(undefined);
      await held.release().catch(() => {});
    }
  }

  // The browser takes it away from a page that is not seen.
  document.addEventListener('visibilitychange', () => void settle());
  return {
    want(wanted) {
      isWanted = wanted;
      void settle();
    },
  };
}
