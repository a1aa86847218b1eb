import { ERROR_CATALOGUE } from '../../src/domain/error-catalogue.ts';

const HEADER = `# Errors

Every refusal, every failed attempt and every line of \`last_error\` carries one of these codes. They are stable; the
message beside a code is for people and may change. A door answers with a problem document (RFC 9457) that has the code
and the advice in it.

This page is written from the code: \`npx tsx scripts/write-docs.ts\`.
`;

/** The text of docs/errors.md: each code, what it means and what to do about it. */
export function errorsPage(): string {
  const sections = Object.entries(ERROR_CATALOGUE).map(
    ([code, [meaning, advice]]) => `\n## ${code}\n\n${meaning}\n\n${advice}\n`,
  );
  return `${HEADER}${sections.join('')}`;
}
