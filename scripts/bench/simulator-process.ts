import { type AllSimulatorsOptions, type Service, startSimulators } from '../../simulators/all.ts';

/** What this process is told, as its only argument, in JSON. */
export interface SimulatorOrder {
  readonly service: Service;
  readonly options: AllSimulatorsOptions;
}

/** What it tells when it answers requests. */
export interface SimulatorReady {
  /** Environment variables of Sluice. */
  readonly environment: Readonly<Record<string, string>>;
  readonly url: string;
  /** The origin of a recording's bytes; Zoom only. */
  readonly cdnUrl?: string;
}

const { service, options } = JSON.parse(process.argv[2] ?? '') as SimulatorOrder;
const simulators = await startSimulators([service], options);
process.once('disconnect', () => void simulators.close().then(() => process.exit()));
// A terminal's Ctrl-C reaches the whole group; the parent decides when this process ends.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});

const ready: SimulatorReady = {
  environment: simulators.environment,
  url: simulators[service]?.url ?? '',
  ...(simulators.zoom && { cdnUrl: simulators.zoom.cdnUrl }),
};
process.send?.(ready);
