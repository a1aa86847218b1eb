import type { z } from 'zod';

/**
 * What is wrong with a value, for people who have never heard of the library that finds it out; without the value. What a
 * rule says itself goes before this.
 */
export const inPlainWords: z.core.$ZodErrorMap = (issue) => {
  if (issue.input === undefined) return 'is required';
  switch (issue.code) {
    case 'too_small':
      if (!NUMBERS.includes(issue.origin)) return 'must not be empty';
      return issue.inclusive === false
        ? `must be more than ${issue.minimum}`
        : `must be ${issue.minimum} or more`;
    case 'too_big':
      if (!NUMBERS.includes(issue.origin)) return `must not be longer than ${issue.maximum}`;
      return issue.inclusive === false
        ? `must be less than ${issue.maximum}`
        : `must be ${issue.maximum} or less`;
    case 'invalid_value':
      return `must be ${listed(issue.values.map(String))}`;
    case 'invalid_format':
      return issue.format === 'url' ? 'must be an address that begins with https:// or http://' : undefined;
    case 'invalid_type':
      return `must be ${KINDS[issue.expected] ?? issue.expected}`;
    default:
      return undefined;
  }
};

const NUMBERS: readonly string[] = ['number', 'int'];

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of settings',
  record: 'a group of settings',
};

function listed(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}
