import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../../simulators/shared/faults.ts';
import type { ZoomSimulator } from '../../simulators/zoom/simulator.ts';
import type { App } from './action.ts';
import { postUntilAnswered } from './insistent-post.ts';
import { KEPT_TWICE } from './recipes.ts';
import { type RecordingFile, writeRecording } from './recording-file.ts';
import type { Shipment } from './shipments.ts';
import { sendByTus } from './tus-sender.ts';
import { pause } from './waiting.ts';

/** One recording as its sender knows it. */
export interface Sent {
  /** By which the ledger tells recordings apart; `undefined` for a file that is known by its path. */
  readonly naturalKey: string | undefined;
  readonly file: RecordingFile;
  readonly door: Shipment['door'];
  /** The file's name on the CDN, for a recording of Zoom. */
  readonly cdnName: string | undefined;
  /** Whether the file has to stay where it is, or go, once all is done; `undefined` for Zoom's own. */
  readonly keepsFile: boolean | undefined;
  /** Whether it goes to the folder as well. */
  readonly isKeptTwice: boolean;
  /** How many further runs it is to have. */
  readonly furtherRuns: number;
  /** Whether the sender has been told 2xx. */
  isAccepted: boolean;
  /** The answer that ended the sending without acceptance. */
  refusal: string | undefined;
}

/** Sends shipments through the doors as the real senders do, and keeps what they were told. */
export interface Senders {
  /** What was sent so far. */
  readonly sent: readonly Sent[];
  /** Ids of tus uploads whose address a client knows. */
  readonly uploadIds: ReadonlySet<string>;
  /** Sends one shipment, with its repetitions, until its sender is content or gives up; gives back its recordings. */
  send(shipment: Shipment): Promise<readonly Sent[]>;
}

export interface SendersOptions {
  readonly zoom: ZoomSimulator;
  readonly pipelineUrl: string;
  readonly tusUrl: string;
  /** Where an admin hands over a file, and with which headers; default: to the pipeline, with none. */
  readonly customDoor?: (name: string) => {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  /** What the website gives a tutor's browser to show; default: nothing. */
  readonly uploadHeaders?: (aceId: string) => Promise<Readonly<Record<string, string>>>;
  /** Takes aim at a process behind a door; the shot kills it. */
  readonly aim: (app: App) => Promise<() => void>;
  /** Lets Zoom's address of one file fail for so long, in milliseconds. */
  readonly sicken: (cdnName: string, fault: Omit<Fault, 'on'>, forMs: number) => void;
  /** Where the files lie. */
  readonly sourceDir: string;
  readonly signal: AbortSignal;
}

const FIRST_MEETING_MS = Date.UTC(2026, 0, 5, 9);

export function createSenders(options: SendersOptions): Senders {
  const { zoom, pipelineUrl, sourceDir, signal } = options;
  const { customDoor = () => ({ url: pipelineUrl, headers: {} }), uploadHeaders = async () => ({}) } =
    options;
  const sent: Sent[] = [];
  const uploadIds = new Set<string>();
  let meetings = 0;

  /** Aims where the plan wants a kill; the shot comes so long after it is called. */
  async function aimAt(app: App, { doorKillAfterMs }: Shipment): Promise<() => void> {
    if (doorKillAfterMs === undefined) return () => {};
    const shoot = await options.aim(app);
    return () => void setTimeout(shoot, doorKillAfterMs);
  }

  async function sendZoom(shipment: Extract<Shipment, { door: 'zoom' }>): Promise<readonly Sent[]> {
    const files = await Promise.all(
      shipment.fileBytes.map((bytes, index) =>
        writeRecording(join(sourceDir, `${shipment.name}-${index}.mp4`), bytes),
      ),
    );
    const inputs = files.map((file, index) => {
      // A start of its own gives each file a name of its own on the CDN.
      const startMs = FIRST_MEETING_MS + meetings * 3_600_000;
      meetings += 1;
      const recordingStart = new Date(startMs).toISOString().replace('.000Z', 'Z');
      return {
        path: file.path,
        id: `${shipment.name}-file-${index}`,
        recordingStart,
        recordingType: index === 0 ? 'shared_screen_with_speaker_view' : 'gallery_view',
      };
    });
    const meeting = await zoom.addMeeting({ topic: shipment.title, files: inputs });
    const recordings = files.map((file, index): Sent => {
      const input = inputs[index];
      const stamp = input?.recordingStart.replace(/[-:]/g, '').replace('T', '-').replace('Z', '');
      return newSent(shipment, {
        naturalKey: `zoom:${input?.id}`,
        file,
        cdnName: `GMT${stamp}_Recording.mp4`,
      });
    });
    sent.push(...recordings);
    const [first] = recordings;
    if (shipment.sickness !== undefined && first?.cdnName !== undefined) {
      options.sicken(first.cdnName, shipment.sickness.fault, shipment.sickness.forMs);
    }

    const older = zoom.recordingCompleted(meeting, { event_ts: Date.now() - 5000 });
    async function deliver(event: object): Promise<void> {
      const attempts = await zoom.deliver(`${pipelineUrl}/zoom-upload`, event);
      const last = attempts.at(-1)?.status ?? 0;
      for (const recording of recordings) {
        if (last >= 200 && last <= 299) recording.isAccepted = true;
        else if (last >= 300 && last <= 499) recording.refusal = `${last} ${attempts.at(-1)?.body}`;
      }
    }
    const shoot = await aimAt('pipeline', shipment);
    shoot();
    await Promise.all([
      deliver(zoom.recordingCompleted(meeting)),
      ...shipment.repeats.map(async ({ afterMs, isOlder }) => {
        await pause(afterMs, signal);
        await deliver(isOlder ? older : zoom.recordingCompleted(meeting));
      }),
    ]);
    return recordings;
  }

  async function sendTus(shipment: Extract<Shipment, { door: 'tus' }>): Promise<readonly Sent[]> {
    const aceId = `tus-${shipment.name}`;
    const file = await writeRecording(join(sourceDir, `${shipment.name}.mp4`), shipment.bytes);
    const recording = newSent(shipment, { naturalKey: `ace:${aceId}`, file });
    sent.push(recording);
    const metadata = {
      ace_id: aceId,
      title: shipment.title,
      filename: `${shipment.name}.mp4`,
      ...recipeOf(shipment),
    };
    let shoot = await aimAt('tus', shipment);
    const headers = await uploadHeaders(aceId);
    const tabs = shipment.hasTwin ? [shipment.cutsAt, []] : [shipment.cutsAt];
    await Promise.all(
      tabs.map(async (cutsAt) => {
        const result = await sendByTus({
          path: file.path,
          bytes: file.bytes,
          endpoint: options.tusUrl,
          metadata,
          headers,
          cutsAt,
          onAllSent() {
            shoot();
            shoot = () => {};
          },
          onUrl: (url) => uploadIds.add(url.slice(url.lastIndexOf('/') + 1)),
          signal,
        });
        if (result.kind === 'accepted') recording.isAccepted = true;
        if (result.kind === 'refused') recording.refusal = result.reason;
      }),
    );
    return [recording];
  }

  async function sendCustom(shipment: Extract<Shipment, { door: 'custom' }>): Promise<readonly Sent[]> {
    const file = await writeRecording(join(sourceDir, `${shipment.name}.mp4`), shipment.bytes);
    const aceId = shipment.hasAceId ? `custom-${shipment.name}` : undefined;
    const naturalKey = aceId === undefined ? undefined : `ace:${aceId}`;
    const recording = newSent(shipment, { naturalKey, file, keepsFile: shipment.keepsFile });
    sent.push(recording);
    const body = {
      path: file.path,
      title: shipment.title,
      keep_file: shipment.keepsFile,
      ...(aceId === undefined ? {} : { ace_id: aceId }),
      ...recipeOf(shipment),
    };
    const shoot = await aimAt('pipeline', shipment);
    shoot();
    const door = customDoor(shipment.name);
    await post(recording, body, door);
    if (shipment.repeatAfterMs !== undefined) {
      await pause(shipment.repeatAfterMs, signal);
      await post(recording, body, door);
    }
    return [recording];
  }

  /** A file that has gone meanwhile was taken by a lost answer. */
  async function post(
    recording: Sent,
    body: object,
    { url, headers }: ReturnType<typeof customDoor>,
  ): Promise<void> {
    const { status, text } = await postUntilAnswered(`${url}/custom-upload`, body, signal, headers);
    if (status >= 200 && status <= 299) recording.isAccepted = true;
    else if (status !== 404 || existsSync(recording.file.path)) recording.refusal = `${status} ${text}`;
  }

  return {
    sent,
    uploadIds,
    send(shipment) {
      switch (shipment.door) {
        case 'zoom':
          return sendZoom(shipment);
        case 'tus':
          return sendTus(shipment);
        case 'custom':
          return sendCustom(shipment);
      }
    },
  };
}

function newSent(
  { door, isKeptTwice, furtherRuns }: Shipment,
  what: Pick<Sent, 'naturalKey' | 'file'> & Partial<Pick<Sent, 'cdnName' | 'keepsFile'>>,
): Sent {
  return {
    door,
    isKeptTwice,
    furtherRuns,
    cdnName: undefined,
    keepsFile: undefined,
    ...what,
    isAccepted: false,
    refusal: undefined,
  };
}

/** The recipe as the metadata of an upload and the body of a request name it; Zoom's is chosen by a rule. */
function recipeOf({ isKeptTwice }: Shipment): { readonly recipe?: string } {
  return isKeptTwice ? { recipe: KEPT_TWICE } : {};
}
