import { z } from 'zod';

const problemView = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('Stable; all codes are in docs/errors.md'),
    advice: z.string(),
  })
  .meta({ id: 'Problem', description: 'A refusal (RFC 9457)' });

const PROBLEMS = {
  400: 'The request is malformed',
  401: 'Nobody is logged in',
  403: 'This caller may not do that',
  404: 'There is no such thing',
  409: 'It is not in a state for that; the detail says what is possible',
  413: 'The request is too large',
  415: 'The file is neither audio nor video',
  502: 'A service behind this one refuses',
  503: 'Too many callers at once, or a service behind this one is away',
} as const;

/** The refusals of a route, for its description. */
export function problems(...statuses: (keyof typeof PROBLEMS)[]) {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: PROBLEMS[status], content: { 'application/problem+json': { schema: problemView } } },
    ]),
  );
}
