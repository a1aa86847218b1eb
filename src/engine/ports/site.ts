/** Whoever receives announcements: the academy's website, and the addresses of runs. */
export interface Site {
  /**
   * Sends an announcement once, signed with the time of this attempt (Standard Webhooks).
   * Any answer but 2xx is a failure; 410 says that nobody wants to hear more.
   */
  announce(input: {
    id: string;
    body: string;
    /** Where it goes; absent: to the website. */
    url?: string;
    /** What a receiver refuses (3xx, 4xx) it never wants: else a mistake of its own is taken for one that heals. */
    isRefusalFinal?: boolean;
    signal: AbortSignal;
    /** Called with whatever was answered. */
    onAnswer?: (answer: { status: number; text: string }) => void;
  }): Promise<void>;
  /** Sends a body without a signature, which a website refuses; gives back the status of the answer. */
  probe(input: { body: string; signal: AbortSignal }): Promise<number>;
}
