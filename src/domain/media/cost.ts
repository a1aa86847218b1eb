/** What a run of ffmpeg has cost this machine. */
export interface Cost {
  /** Seconds of work of all cores together. */
  readonly cpuS: number;
  /** Seconds from its start to its end. */
  readonly wallS: number;
  /** The most memory that it held. */
  readonly peakRssBytes: number;
}
