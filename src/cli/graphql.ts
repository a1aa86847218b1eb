import { z } from 'zod';
import { exitCodeOf, Failure } from './failure.ts';
import type { Session } from './session.ts';

/** What is refused of a question in GraphQL. */
export const graphqlErrorsShape = z.object({
  errors: z
    .array(
      z.object({
        message: z.string(),
        extensions: z.object({ code: z.string(), title: z.string(), advice: z.string() }),
      }),
    )
    .min(1),
});

/** Why a question was refused. */
export function graphqlFailure({ errors }: z.output<typeof graphqlErrorsShape>): Failure {
  const [error] = errors;
  const { code = 'UNEXPECTED', title = '', advice = '' } = error?.extensions ?? {};
  const trouble = { code, title, detail: error?.message ?? '', advice };
  return new Failure(trouble, exitCodeOf([trouble]));
}

/** Asks the pipeline server a question in GraphQL. */
export async function askGraphql<T>(
  { api, signal }: Pick<Session, 'api' | 'signal'>,
  question: { readonly query: string; readonly variables?: object },
  shape: z.ZodType<T>,
): Promise<T> {
  const answerShape = z.union([graphqlErrorsShape, z.object({ data: shape })]);
  const answer = await api.post('/graphql', question, answerShape, signal);
  if ('errors' in answer) throw graphqlFailure(answer);
  return answer.data;
}
