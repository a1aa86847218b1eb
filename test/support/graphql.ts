import type { House } from './house.ts';

/** What GraphQL answers, with the code of its first error. */
export interface GraphqlReply {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  readonly data: any;
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  readonly errors: any[] | undefined;
  readonly code: string | undefined;
}

/** Asks a house by POST. */
export async function askGraphql(
  house: Pick<House, 'post'>,
  query: string,
  variables: object = {},
  headers: Record<string, string> = {},
): Promise<GraphqlReply> {
  const response = await house.post('/graphql', { query, variables }, headers);
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  const body = (await response.json()) as any;
  const { data, errors } = body;
  return { status: response.status, data, errors, code: errors?.[0]?.extensions?.code ?? body.code };
}
