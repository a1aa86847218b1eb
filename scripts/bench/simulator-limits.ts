import type { LoneLegs } from './lone-legs.ts';
import { linkTo } from './script-job.ts';
import { limitLinks, type SimulatedServices } from './simulated-services.ts';

/** How fast each simulated service is by itself, in megabytes per second. */
export interface SimulatorLimits {
  readonly download: number;
  readonly archive: number;
  readonly publish: number;
}

/** Sends a file over each leg alone, without limit, by the cheapest client; the better of two. */
export async function measureSimulators(
  services: SimulatedServices,
  legs: LoneLegs,
  path: string,
  bytes: number,
): Promise<SimulatorLimits> {
  await limitLinks(services, { download: undefined, archive: undefined, publish: undefined });
  const best = async (leg: () => Promise<number>) => bytes / 1e3 / Math.min(await leg(), await leg());
  return {
    download: await best(async () => legs.download(await linkTo(services.urls, path))),
    archive: await best(() => legs.archive(path)),
    publish: await best(() => legs.publish(path)),
  };
}

export function describeLimits({ download, archive, publish }: SimulatorLimits): string {
  const [zoom, b2, bunny] = [download, archive, publish].map((each) => `${each.toFixed(0)} MB/s`);
  return `The simulated services' own limit, with curl and no link limit: Zoom ${zoom}, B2 ${b2}, Bunny ${bunny}.`;
}

/** The same as figures. */
export function limitFigures(
  bench: string,
  { download, archive, publish }: SimulatorLimits,
): Record<string, number> {
  return {
    [`${bench}.sim_download_mb_s`]: download,
    [`${bench}.sim_archive_mb_s`]: archive,
    [`${bench}.sim_publish_mb_s`]: publish,
  };
}
