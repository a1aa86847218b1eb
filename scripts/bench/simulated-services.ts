import { join } from 'node:path';
import { type AllSimulatorsOptions, SERVICES, type Service } from '../../simulators/all.ts';
import { ask } from './ask.ts';
import type { Authority } from './authority.ts';
import type { Scope } from './scope.ts';
import { startSimulatorProcess } from './simulator-child.ts';
import type { SimulatorOrder, SimulatorReady } from './simulator-process.ts';

/** The simulated services, one process each, so that none takes another's time or ours. */
export interface SimulatedServices {
  /** Environment variables of Sluice, and what has programs trust the services' certificates. */
  readonly environment: Readonly<Record<string, string>>;
  /** By service; `cdn` is the origin of Zoom that serves the bytes. */
  readonly urls: Readonly<Record<Service | 'cdn', string>>;
  readonly pids: Readonly<Record<Service, number>>;
}

/** Starts all four, behind TLS if there is an authority to vouch for them; the bench's end stops them. */
export async function startSimulatedServices(
  scope: Scope,
  options: AllSimulatorsOptions = {},
  authority?: Authority,
): Promise<SimulatedServices> {
  const started = await Promise.all(
    SERVICES.map(async (service) => {
      const order: SimulatorOrder = {
        service,
        options: { [service]: { ...options[service], tls: authority?.tls } },
      };
      const script = join(import.meta.dirname, 'simulator-process.ts');
      return { service, ...(await startSimulatorProcess<SimulatorReady>(scope, script, order)) };
    }),
  );
  const byService = <T>(pick: (one: (typeof started)[number]) => T) =>
    Object.fromEntries(started.map((one) => [one.service, pick(one)])) as Record<Service, T>;
  const cdn = started.find(({ service }) => service === 'zoom')?.ready.cdnUrl ?? '';
  return {
    environment: Object.assign({}, authority?.environment, ...started.map(({ ready }) => ready.environment)),
    urls: { ...byService(({ ready }) => ready.url), cdn },
    pids: byService(({ pid }) => pid),
  };
}

/** Sends a request with a JSON body, if any; gives back the JSON of the answer, if any. @throws unless it is a success */
export async function steer(
  method: string,
  url: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  const type = body && { 'content-type': 'application/json' };
  const { status, text } = await ask(method, url, { ...type, ...headers }, body && JSON.stringify(body));
  if (status < 200 || status > 299) throw new Error(`${method} ${url}: ${status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** When the requests for bytes reached Zoom's download server, in their order. */
export async function downloadsStartedAtMs(cdnUrl: string): Promise<number[]> {
  const logged = (await steer('GET', `${cdnUrl}/__sim/requests`)) as { atMs: number; durationMs: number }[];
  return logged.map(({ atMs, durationMs }) => atMs - durationMs).sort((a, b) => a - b);
}

/** The speed of the links of a recording's three legs, in bytes per second; `undefined` is without limit. */
export interface Speeds {
  readonly download: number | undefined;
  readonly archive: number | undefined;
  readonly publish: number | undefined;
}

export async function limitLinks(
  { urls }: Pick<SimulatedServices, 'urls'>,
  { download, archive, publish }: Speeds,
): Promise<void> {
  const set = (url: string, bytesPerSecond = 0) =>
    steer('PUT', `${url}/__sim/link`, { bytesPerSecond: bytesPerSecond || null });
  await Promise.all([set(urls.cdn, download), set(urls.b2, archive), set(urls.bunny, publish)]);
}

/** Has every answer of Zoom, B2 and Bunny leave this much later than it could; 0 ends that. */
export async function delayAnswers(
  { urls }: Pick<SimulatedServices, 'urls'>,
  delayMs: number,
): Promise<void> {
  await Promise.all(
    [urls.zoom, urls.cdn, urls.b2, urls.bunny].map(async (url) => {
      await steer('DELETE', `${url}/__sim/faults`);
      if (delayMs > 0) await steer('POST', `${url}/__sim/faults`, { on: '*', count: 1e9, delayMs });
    }),
  );
}
