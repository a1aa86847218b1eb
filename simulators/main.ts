import { createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { SERVICES, type Service, startSimulators } from './all.ts';

const HELP = `Usage: npm run simulators -- [zoom] [b2] [bunny] [site] [options]

Starts local stand-ins for the services that Sluice talks to; all four unless some are named.

Options:
  --port-zoom N         web origin of Zoom: downloads, OAuth, REST (default 9012)
  --port-cdn N          origin of Zoom that serves the bytes (default 9013)
  --port-b2 N           Backblaze B2 (default 9014)
  --port-bunny N        Bunny Stream (default 9015)
  --port-site N         the website (default 9016)
  --bytes-per-second N  speed of each one's link (default: no limit)
  --help                this text
`;

/** The default port of each listener; its option is \`--port-` and the name. */
const DEFAULT_PORTS = { zoom: 9012, cdn: 9013, b2: 9014, bunny: 9015, site: 9016 } as const;
type Listener = keyof typeof DEFAULT_PORTS;

/** A mistake on the command line, or a port that is taken: one line for the user, no stack. */
class UsageError extends Error {}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values, positionals } = parseCommandLine();
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const services = positionals.length === 0 ? SERVICES : positionals.map(toService);
  const ports: Record<Listener, number> = {
    zoom: toPort('zoom', values['port-zoom']),
    cdn: toPort('cdn', values['port-cdn']),
    b2: toPort('b2', values['port-b2']),
    bunny: toPort('bunny', values['port-bunny']),
    site: toPort('site', values['port-site']),
  };
  const speed = values['bytes-per-second'];
  const bytesPerSecond = speed === undefined ? undefined : toPositive('--bytes-per-second', speed);

  const simulators = await startSimulators(services, {
    zoom: { port: ports.zoom, cdnPort: ports.cdn, bytesPerSecond },
    b2: { port: ports.b2, bytesPerSecond },
    bunny: { port: ports.bunny, bytesPerSecond },
    site: { port: ports.site, bytesPerSecond },
  }).catch(async (error: unknown) => {
    throw (await toPortError(error, services, ports)) ?? error;
  });

  const urls = {
    zoom: simulators.zoom?.url,
    'zoom cdn': simulators.zoom?.cdnUrl,
    b2: simulators.b2?.url,
    bunny: simulators.bunny?.url,
    site: simulators.site?.url,
  };
  for (const [name, url] of Object.entries(urls)) {
    if (url !== undefined) process.stdout.write(`${name.padEnd(8)}  ${url}\n`);
  }
  const lines = Object.entries(simulators.environment).map(([name, value]) => `${name}=${value}\n`);
  process.stdout.write(
    `\nFor the .env of Sluice, at its end (of a setting that is there twice the last line counts):\n\n${lines.join('')}\nStop with Ctrl+C.\n`,
  );

  // A terminal's Ctrl+C may arrive twice, once from the terminal and once handed down by npm or tsx.
  let isStopping = false;
  const stop = () => {
    if (isStopping) return;
    isStopping = true;
    void simulators.close();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

function parseCommandLine() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        'port-zoom': { type: 'string' },
        'port-cdn': { type: 'string' },
        'port-b2': { type: 'string' },
        'port-bunny': { type: 'string' },
        'port-site': { type: 'string' },
        'bytes-per-second': { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\n\n${HELP}`, { cause: error });
  }
}

function toService(name: string): Service {
  const service = SERVICES.find((each) => each === name);
  if (!service) throw new UsageError(`There is no simulator "${name}": there are ${SERVICES.join(', ')}.`);
  return service;
}

function toPort(listener: Listener, text: string | undefined): number {
  if (text === undefined) return DEFAULT_PORTS[listener];
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535))
    throw new UsageError(`--port-${listener} takes a port from 0 (any) to 65535, not "${text}".`);
  return port;
}

function toPositive(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new UsageError(`${option} takes a number above 0, not "${text}".`);
  return value;
}

/** Names all ports that are taken, and the options that choose others. */
async function toPortError(
  error: unknown,
  services: readonly Service[],
  ports: Readonly<Record<Listener, number>>,
): Promise<UsageError | undefined> {
  if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) return undefined;
  const listeners: Listener[] = services.flatMap((service) =>
    service === 'zoom' ? [service, 'cdn'] : [service],
  );
  const taken: Listener[] = [];
  for (const listener of listeners) {
    if (await isTaken(ports[listener])) taken.push(listener);
  }
  if (taken.length === 0) return undefined;
  const list = taken.map((listener) => ports[listener]).join(', ');
  const which = taken.length === 1 ? `Port ${list} is taken` : `The ports ${list} are taken`;
  const options = taken.map((listener) => `--port-${listener} N`).join(' ');
  return new UsageError(
    `${which}, perhaps by simulators that run already. Stop what has them, or choose others: npm run simulators -- ${options}`,
    { cause: error },
  );
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(true));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(false)));
  });
}
