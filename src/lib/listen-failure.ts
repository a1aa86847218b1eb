import { KnownError, systemCode } from '../domain/errors.ts';

/** Where a server was to listen, and the settings that say so. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  readonly hostSetting: string;
  readonly portSetting: string;
}

/** Why nothing can listen there, in one sentence with what to do; `undefined` if that is another kind of failure. */
export function listenProblem(error: unknown, at: ListenAddress): string | undefined {
  const { host, port, hostSetting, portSetting } = at;
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  switch (systemCode(error)) {
    case 'EADDRINUSE':
      return `${where} is taken by another program, or by a Sluice that runs already: see which with "ss -ltnp", and stop it or change ${portSetting} in .env.`;
    case 'EACCES':
      return `This user may not listen on ${where}: choose a ${portSetting} above 1023 in .env.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `This machine has no address ${host} to listen on: correct ${hostSetting} in .env.`;
    default:
      return undefined;
  }
}

/**
 * Waits for a server to listen.
 *
 * @throws KnownError `CONFIG_INVALID` if the address cannot be had
 */
export async function listening<T>(listen: Promise<T>, at: ListenAddress): Promise<T> {
  try {
    return await listen;
  } catch (error) {
    const problem = listenProblem(error, at);
    throw problem === undefined ? error : new KnownError(problem, { code: 'CONFIG_INVALID', cause: error });
  }
}
