import { STRICT_MEDIA_GATE } from '../../src/lib/media-gate.ts';
import { openInputs } from '../../src/outside/inputs.ts';

const inputs = { mediaIn: undefined, s3: undefined, buckets: [], origins: [] };

/** Inputs where none are set up. */
export const NO_INPUTS = openInputs({ inputs }, STRICT_MEDIA_GATE, { idleTimeoutMs: 5000 });
