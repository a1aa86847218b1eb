import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { messageOf, WorkerSetupError } from './errors.ts';

const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;

const factsSchema = z.object({
  name: z.string().min(1),
  version: z.string().regex(SEMVER, 'is no version as 1.2.3'),
  description: z.string().default(''),
  license: z.string().optional(),
  homepage: z.string().optional(),
});

/** What a worker says of itself in its `package.json`. */
export type PackageFacts = z.infer<typeof factsSchema>;

export function readPackageFacts(path: URL | string): PackageFacts {
  let facts: unknown;
  try {
    facts = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new WorkerSetupError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  const parsed = factsSchema.safeParse(facts);
  if (!parsed.success) throw new WorkerSetupError(`${path}:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
