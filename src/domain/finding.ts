/** What a check has found, in one line; and what to do, unless all is well. */
export interface Finding {
  /** `skip`: it could not be looked at, for another check's reason, or need not be. */
  readonly state: 'ok' | 'warn' | 'fail' | 'skip';
  readonly text: string;
  readonly advice?: string;
}

export const ok = (text: string): Finding => ({ state: 'ok', text });
export const warn = (text: string, advice: string): Finding => ({ state: 'warn', text, advice });
export const fail = (text: string, advice: string): Finding => ({ state: 'fail', text, advice });
export const skip = (text: string): Finding => ({ state: 'skip', text });
