import { type B2Simulator, type B2SimulatorOptions, startB2Simulator } from './b2/simulator.ts';
import { type BunnySimulator, type BunnySimulatorOptions, startBunnySimulator } from './bunny/simulator.ts';
import { type SiteSimulator, type SiteSimulatorOptions, startSiteSimulator } from './site/simulator.ts';
import { startZoomSimulator, type ZoomSimulator, type ZoomSimulatorOptions } from './zoom/simulator.ts';

/** The services that have a stand-in. */
export const SERVICES = ['zoom', 'b2', 'bunny', 'site'] as const;
export type Service = (typeof SERVICES)[number];

/** The options of each simulator; every port is any free one unless given. */
export interface AllSimulatorsOptions {
  readonly zoom?: ZoomSimulatorOptions;
  readonly b2?: B2SimulatorOptions;
  readonly bunny?: BunnySimulatorOptions;
  readonly site?: SiteSimulatorOptions;
}

/** The simulators asked for, and what makes Sluice use them. */
export interface Simulators {
  readonly zoom?: ZoomSimulator;
  readonly b2?: B2Simulator;
  readonly bunny?: BunnySimulator;
  readonly site?: SiteSimulator;
  /** Environment variables of Sluice. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** All four simulators, and what makes Sluice use them. */
export type AllSimulators = Required<Simulators>;

/** Starts a stand-in for every outside service. */
export async function startAllSimulators(options: AllSimulatorsOptions = {}): Promise<AllSimulators> {
  const { zoom, b2, bunny, site, ...rest } = await startSimulators(SERVICES, options);
  if (!zoom || !b2 || !bunny || !site) throw new Error('a simulator is missing');
  return { zoom, b2, bunny, site, ...rest };
}

/** Starts the stand-ins named, one after another; when one cannot start, those before it are closed again. */
export async function startSimulators(
  services: readonly Service[],
  options: AllSimulatorsOptions = {},
): Promise<Simulators> {
  const started: { close(): Promise<void> }[] = [];
  const close = async () => {
    await Promise.all(started.map((simulator) => simulator.close()));
  };
  async function open<S extends { close(): Promise<void> }>(name: Service, start: () => Promise<S>) {
    if (!services.includes(name)) return undefined;
    const simulator = await start();
    started.push(simulator);
    return simulator;
  }

  try {
    const zoom = await open('zoom', () => startZoomSimulator(options.zoom));
    const b2 = await open('b2', () => startB2Simulator(options.b2));
    const bunny = await open('bunny', () => startBunnySimulator(options.bunny));
    const site = await open('site', () => startSiteSimulator(options.site));
    const environment = {
      ...(zoom && zoomEnvironment(zoom)),
      ...(b2 && b2Environment(b2)),
      ...(bunny && bunnyEnvironment(bunny)),
      ...(site && siteEnvironment(site)),
    };
    return { zoom, b2, bunny, site, environment, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function zoomEnvironment(zoom: ZoomSimulator) {
  return {
    ZOOM_WEBHOOK_SECRET_TOKEN: zoom.secretToken,
    ZOOM_ACCOUNT_ID: zoom.accountId,
    ZOOM_CLIENT_ID: zoom.clientId,
    ZOOM_CLIENT_SECRET: zoom.clientSecret,
    ZOOM_API_URL: zoom.apiUrl,
    ZOOM_OAUTH_URL: zoom.oauthUrl,
    ZOOM_DOWNLOAD_HOSTS: `${zoom.webUrl},${zoom.cdnUrl}`,
  };
}

function b2Environment(b2: B2Simulator) {
  return {
    B2_KEY_ID: b2.keyId,
    B2_APPLICATION_KEY: b2.applicationKey,
    B2_BUCKET: b2.bucket,
    B2_API_URL: b2.url,
  };
}

function bunnyEnvironment(bunny: BunnySimulator) {
  return {
    BUNNY_LIBRARY_ID: bunny.libraryId,
    BUNNY_API_KEY: bunny.apiKey,
    BUNNY_READ_ONLY_API_KEY: bunny.readOnlyApiKey,
    BUNNY_API_URL: bunny.url,
    BUNNY_TUS_URL: `${bunny.url}/tusupload`,
  };
}

function siteEnvironment(site: SiteSimulator) {
  return { SITE_WEBHOOK_URL: site.webhookUrl, SITE_WEBHOOK_SECRET: site.secret };
}
