import { adviceFor, ERROR_CATALOGUE, type ErrorCode } from '../../src/domain/error-catalogue.ts';

const HEADER = `# Errors

Every refusal, every failed attempt and every line of \`last_error\` carries one of these codes. They are stable; the
message beside a code is for people and may change. A door answers with a problem document (RFC 9457) that has the code
and the advice in it.

This page is written from the code: \`npx tsx scripts/write-docs.ts\`.
`;

/** The text of docs/errors.md: each code, what it means and what to do about it. */
export function errorsPage(): string {
  return `${HEADER}${(Object.keys(ERROR_CATALOGUE) as ErrorCode[]).map(sectionOf).join('')}`;
}

/** What is said of a recording that has failed, and to a caller, only where it is something else. */
function sectionOf(code: ErrorCode): string {
  const [meaning] = ERROR_CATALOGUE[code];
  const advice = adviceFor(code, 'goes-on');
  const failed = adviceFor(code, 'failed');
  const asked = adviceFor(code, 'asked');
  const others = [
    ...(failed.startsWith(advice) ? [] : [`A recording that has failed with it: ${failed}`]),
    ...(asked === advice ? [] : [`A request or command that is refused with it: ${asked}`]),
  ];
  return `\n## ${code}\n\n${[meaning, advice, ...others].join('\n\n')}\n`;
}
