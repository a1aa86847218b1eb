import type { Environment } from './environment.ts';
import type { Meter } from './meter.ts';
import {
  createRecordingsApi,
  isSettled,
  type RecordingDetail,
  type Stage,
  stagesInMotion,
} from './recordings-api.ts';
import type { Shipment } from './shipments.ts';

/** Where one recording stands. */
export interface Row {
  readonly key: string;
  readonly source: string;
  readonly title: string;
  /** The ledger's state in a word of at most eight letters, or before the ledger knows of it what its sender does. */
  readonly state: string;
  /** The stage in motion, empty when there is none; several are joined by `+`. */
  readonly stage: string;
  readonly totalBytes: number | undefined;
  /** How many bytes of the stage in motion have moved; `undefined` where none move or nobody counts them. */
  readonly doneBytes: number | undefined;
  /** What has passed through each service; `undefined` for one that this recording does not come by. */
  readonly passed: Readonly<Record<Service, number | undefined>>;
  readonly problem: string | undefined;
}

export type Service = 'cdn' | 'b2' | 'bunny';

const SERVICE_OF: Partial<Readonly<Record<Stage, Service>>> = {
  fetch: 'cdn',
  archive: 'b2',
  publish: 'bunny',
};

/** A look at all recordings. */
export interface Look {
  /** One per shipment, in their order, then one for each recording that is none of them. */
  readonly rows: readonly Row[];
  /** What the ledger knows of each shipment that it knows. */
  readonly details: ReadonlyMap<Shipment, RecordingDetail>;
  /** All recordings that the ledger has, further runs among them; oldest first. */
  readonly recordings: readonly RecordingDetail[];
}

/** Looks at the recordings through the pipeline server, and at their bytes through the meters. */
export function createWatch(
  { pipelineUrl, meters }: Environment,
  shipments: readonly Shipment[],
): (signal: AbortSignal) => Promise<Look> {
  const api = createRecordingsApi(pipelineUrl);
  const settled = new Map<string, RecordingDetail>();

  async function detailOf(id: string, signal: AbortSignal): Promise<RecordingDetail> {
    const known = settled.get(id);
    if (known !== undefined) return known;
    const detail = await api.detail(id, signal);
    if (isSettled(detail)) settled.set(id, detail);
    return detail;
  }

  return async (signal) => {
    const found: RecordingDetail[] = [];
    for (const { id } of await api.list(signal)) found.push(await detailOf(id, signal));

    const details = new Map<Shipment, RecordingDetail>();
    for (const shipment of shipments) {
      const detail = found.find(shipment.isOf);
      if (detail !== undefined) details.set(shipment, detail);
    }
    const known = new Set(details.values());
    const rows = [
      ...shipments.map((shipment) => toRow(shipment, details.get(shipment), meters)),
      ...found.filter((detail) => !known.has(detail)).map((detail) => toRow(undefined, detail, meters)),
    ];
    return { rows, details, recordings: found };
  };
}

function toRow(
  shipment: Shipment | undefined,
  detail: RecordingDetail | undefined,
  meters: Readonly<Record<Service, Meter>>,
): Row {
  const source = shipment?.source ?? detail?.source ?? '';
  const title = shipment?.title ?? detail?.title ?? '';
  const totalBytes = shipment?.file.bytes ?? detail?.facts.fetch?.bytes;
  const shared = { key: shipment?.file.path ?? detail?.id ?? '', source, title, totalBytes };
  if (detail === undefined) {
    const { state, sentBytes } = shipment?.upload ?? { state: 'unsent', sentBytes: undefined };
    const passed = { cdn: undefined, b2: 0, bunny: 0 };
    return { ...shared, state, stage: '', doneBytes: sentBytes, passed, problem: undefined };
  }

  const passedIn = (stage: Stage) => {
    const service = SERVICE_OF[stage];
    const times = detail.stages[stage];
    if (service === undefined || (service === 'cdn' && source !== 'zoom')) return undefined;
    if (times?.startedAtMs == null) return 0;
    const bytes = meters[service].bytesBetween(times.startedAtMs, times.doneAtMs ?? Date.now());
    // The requests around a file count at the meter too.
    return Math.min(bytes, totalBytes ?? bytes);
  };
  const inMotion = stagesInMotion(detail);
  const moved = inMotion.map(passedIn).filter((bytes) => bytes !== undefined);
  return {
    ...shared,
    state: detail.state === 'backing-off' ? 'retrying' : detail.state,
    stage: inMotion.join('+'),
    doneBytes: moved.length === 0 ? undefined : Math.min(...moved),
    passed: { cdn: passedIn('fetch'), b2: passedIn('archive'), bunny: passedIn('publish') },
    problem: detail.last_error?.message,
  };
}
