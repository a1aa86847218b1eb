import { type Finding, fail, ok } from '../../domain/finding.ts';

/** The oldest Node that Sluice runs on, as package.json says. */
const OLDEST = [20, 19] as const;

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    return fail(`${version} is too old`, `Install Node ${OLDEST.join('.')} or newer.`);
  }
  return ok(major === 20 ? `${version}; its support has ended, 22 and 24 work too` : version);
}
