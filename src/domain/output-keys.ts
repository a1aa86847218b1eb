/** What says which run of which step has written an output. */
export interface OutputMark {
  readonly recordingId: string;
  readonly step: string;
  /** That of the lease under which it was written. */
  readonly fence: number;
}

/**
 * Where a step writes its outputs, with a slash at the end. A worker that has lost its lease writes below a number that no
 * fact names.
 *
 * @param folder Below which of the place, with a slash at the end; none: at its top.
 */
export function outputPrefix({ fence, ...owner }: OutputMark, folder = ''): string {
  return `${stepPrefix(owner, folder)}${fence}/`;
}

/** What all that the attempts of a step write lies below, with a slash at the end. */
export function stepPrefix({ recordingId, step }: Omit<OutputMark, 'fence'>, folder = ''): string {
  return `${folder}runs/${recordingId}/${step}/`;
}

/** Which attempt has written what lies at a key, where the key itself says so. */
export function attemptOfKey(key: string): OutputMark | undefined {
  const [, recordingId, step, fence] =
    /(?:^|\/)runs\/(rec_[0-9a-z]{1,64})\/([a-z][a-z0-9-]{0,39})\/(\d{1,15})\//.exec(key) ?? [];
  if (recordingId === undefined || step === undefined) return undefined;
  return { recordingId, step, fence: Number(fence) };
}

/** Whose output lies at a key, where the key itself says so. */
export function recordingOfKey(key: string): string | undefined {
  return /(?:^|\/)runs\/(rec_[0-9a-z]{1,64})\//.exec(key)?.[1];
}
