/** Whether an address is one of a Postgres database, and not the path of a file. */
export function isPostgresUrl(address: string): boolean {
  return /^postgres(ql)?:\/\//.test(address);
}

/**
 * The parts of the address of a Postgres database; `undefined` if it is none. As Postgres has it, the host may be left out and
 * be named behind instead: `postgres://user:password@/database?host=/run/postgresql`.
 */
export function parsePostgresUrl(address: string): URL | undefined {
  const text = address.replace('@/', '@localhost/').replace(':///', '://localhost/');
  return isPostgresUrl(address) && URL.canParse(text) ? new URL(text) : undefined;
}

/** Whether it is one, and says which database: otherwise that would be the one called like the user, and nobody's intention. */
export function namesPostgresDatabase(address: string): boolean {
  return /^\/[^/]+$/.test(parsePostgresUrl(address)?.pathname ?? '');
}

/** The address as it may be told to people: without user and password. */
export function shownPostgresUrl(address: string): string {
  const url = parsePostgresUrl(address);
  const host = url?.searchParams.get('host') ?? url?.host ?? '';
  return `postgres://${host}${url?.pathname ?? ''}`;
}
