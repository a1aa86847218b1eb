/** Between two looks at the loudness there are so many samples. */
const STEP_SAMPLES = 80;

/** The loudest moments of a sound that comes piece by piece. */
export interface PeakMeter {
  /** Takes samples of 16 bits, little-endian, one channel; a piece may end within one. */
  add(chunk: Buffer): void;
  samples(): number;
  /** So many peaks over a length, behind the end silent; from 0 to 1, the loudest 1, or all 0 where nothing is heard. */
  peaks(count: number, lengthSamples: number): number[];
}

/** Keeps one number for some hundredth of a second, however long the sound is. */
export function createPeakMeter(): PeakMeter {
  let steps = new Uint16Array(1 << 12);
  let samples = 0;
  let half: number | undefined;

  function hear(value: number): void {
    const step = Math.floor(samples / STEP_SAMPLES);
    if (step >= steps.length) {
      const larger = new Uint16Array(steps.length * 2);
      larger.set(steps);
      steps = larger;
    }
    const loudness = Math.abs(value);
    if (loudness > (steps[step] ?? 0)) steps[step] = loudness;
    samples += 1;
  }

  return {
    add(chunk) {
      let at = 0;
      if (half !== undefined && chunk.length > 0) {
        hear(((half | ((chunk[0] ?? 0) << 8)) << 16) >> 16);
        at = 1;
        half = undefined;
      }
      for (; at + 1 < chunk.length; at += 2) hear(chunk.readInt16LE(at));
      if (at < chunk.length) half = chunk[at];
    },
    samples: () => samples,
    peaks(count, lengthSamples) {
      const used = Math.ceil(Math.max(samples, lengthSamples) / STEP_SAMPLES);
      const peaks = Array.from({ length: count }, (_, index) => {
        const from = Math.floor((index * used) / count);
        const to = Math.max(from + 1, Math.floor(((index + 1) * used) / count));
        let peak = 0;
        for (let at = from; at < to; at += 1) peak = Math.max(peak, steps[at] ?? 0);
        return peak;
      });
      const loudest = peaks.reduce((most, peak) => Math.max(most, peak), 0);
      return peaks.map((peak) => (loudest === 0 ? 0 : Math.round((1000 * peak) / loudest) / 1000));
    },
  };
}
