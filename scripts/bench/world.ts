import type { Processes } from '../../test/support/processes.ts';
import type { Authority } from './authority.ts';
import type { BenchContext } from './bench.ts';
import { createRecordings } from './recording-run.ts';
import { type SimulatedServices, startSimulatedServices } from './simulated-services.ts';
import { startSluice } from './sluice.ts';

/** Sluice, and the services that it brings recordings from and to. */
export interface World {
  readonly services: SimulatedServices;
  readonly sluice: Processes;
  readonly recordings: ReturnType<typeof createRecordings>;
}

/** Services that keep no bytes, behind TLS if there is an authority to vouch for them. */
export function startForgetfulServices(
  context: Pick<BenchContext, 'defer'>,
  authority?: Authority,
): Promise<SimulatedServices> {
  return startSimulatedServices(
    context,
    { b2: { keepBytes: false }, bunny: { keepBytes: false } },
    authority,
  );
}

/** The bench's end stops all of it. */
export async function openWorld(
  context: Pick<BenchContext, 'defer' | 'signal'>,
  services: SimulatedServices,
): Promise<World> {
  const sluice = await startSluice(context, services.environment);
  const recordings = createRecordings(services.urls, sluice.pipelineUrl, context.signal);
  return { services, sluice, recordings };
}
