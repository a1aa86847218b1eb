import { basename, join } from 'node:path';
import { TWO_STORES } from '../../test/support/recipes.ts';
import type { RecordingSummary } from './recordings-api.ts';
import { copySample, type SampleFile, writeLarge } from './samples.ts';

/** What has become of an upload that the demo itself makes. */
export interface UploadProgress {
  /** `cut`: the connection is gone and the upload not complete. */
  state: 'unsent' | 'sending' | 'cut' | 'sent';
  sentBytes: number;
}

/** A recording that is to be sent, by whichever door. */
export interface Shipment {
  readonly source: RecordingSummary['source'];
  /** The title that the recording is expected to have. */
  readonly title: string;
  readonly file: SampleFile;
  /** Whether its file is to be where it is after all is done. */
  readonly keepsFile: boolean;
  /** The recipe that it is sent by, if it is another than the usual. */
  readonly recipe?: string;
  /** Whether it is looked into once it is home, and made ready to be watched, by further runs. */
  readonly hasRuns?: boolean;
  /** Whether a recording of the ledger is this one. */
  isOf(recording: RecordingSummary): boolean;
  /** Set for uploads in which the bytes move before the ledger knows of the recording. */
  readonly upload?: UploadProgress;
}

/** What goes through each door. */
export interface Shipments {
  readonly zoom: { readonly topic: string; readonly files: readonly ZoomFile[] };
  readonly tus: Shipment & { readonly aceId: string; readonly upload: UploadProgress };
  readonly custom: readonly Shipment[];
  /** All of them, in the order in which they are shown. */
  readonly all: readonly Shipment[];
}

interface ZoomFile {
  readonly id: string;
  readonly recordingType: string;
  readonly shipment: Shipment;
}

/** Writes the recordings that the demo sends into `folder`, and says what is to become of each. */
export async function prepareShipments(input: {
  readonly samplePath: string;
  readonly folder: string;
  /** Size of the larger ones. */
  readonly bytes: number;
}): Promise<Shipments> {
  const { samplePath, folder, bytes } = input;
  const pathOf = (name: string) => join(folder, name);
  const small = (name: string) => copySample(samplePath, pathOf(name));
  const large = (name: string, seed: number) => writeLarge({ samplePath, path: pathOf(name), bytes, seed });

  const topic = 'Algebra';
  const zoom = [
    toZoomFile(topic, 'gallery_view', await small('zoom-gallery.mp4')),
    toZoomFile(topic, 'shared_screen', await large('zoom-screen.mp4', 1)),
  ];
  const tus = toUpload('Geometry homework', 'demo-ace-1', await large('geometry.mp4', 2));
  const custom = [
    { ...toCustom('Highlights', await small('highlights.mp4'), true), hasRuns: true },
    { ...toCustom('Open day', await large('open-day.mp4', 3), false), recipe: TWO_STORES },
  ];
  const all = [...zoom.map(({ shipment }) => shipment), ...custom, tus];
  return { zoom: { topic, files: zoom }, tus, custom, all };
}

/** Sluice tells the videos of one meeting apart by what each of them shows. */
function toZoomFile(topic: string, recordingType: string, file: SampleFile): ZoomFile {
  const id = `demo-${recordingType.replaceAll('_', '-')}`;
  const shipment: Shipment = {
    source: 'zoom',
    title: `${topic} (${recordingType.replaceAll('_', ' ')})`,
    file,
    keepsFile: true,
    isOf: ({ source, details }) => source === 'zoom' && details['recording_id'] === id,
  };
  return { id, recordingType, shipment };
}

function toUpload(title: string, aceId: string, file: SampleFile): Shipments['tus'] {
  return {
    source: 'manual',
    title,
    aceId,
    file,
    keepsFile: true,
    isOf: ({ ace_id }) => ace_id === aceId,
    upload: { state: 'unsent', sentBytes: 0 },
  };
}

function toCustom(title: string, file: SampleFile, keepsFile: boolean): Shipment {
  const filename = basename(file.path);
  return {
    source: 'custom',
    title,
    file,
    keepsFile,
    isOf: ({ source, details }) => source === 'custom' && details['filename'] === filename,
  };
}
