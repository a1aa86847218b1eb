import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Simulator, type SimulatorOptions, startSimulator } from '../shared/simulator.ts';
import { createContent } from './content.ts';
import { createControl } from './control.ts';
import { type Collection, createLibrary } from './library.ts';
import { createRestApi } from './rest.ts';
import { type SimulatedVideo, toSimulatedVideo } from './simulated-video.ts';
import { createTusEndpoint, type PatchInterruption, TUS_PATH } from './tus.ts';
import { createWebhookSender } from './webhooks.ts';

export interface BunnySimulatorOptions extends SimulatorOptions {
  /** Default `4321`; digits only. */
  readonly libraryId?: string;
  /** Default `bunny-api-key-of-the-simulator`. */
  readonly apiKey?: string;
  /** Default `bunny-read-only-key`; opens what is read and signs the webhooks. */
  readonly readOnlyApiKey?: string;
  /** Where the bytes are kept; default a fresh temporary folder, removed on close. */
  readonly directory?: string;
  /** With `false` the bytes are hashed and dropped. Default `true`. */
  readonly keepBytes?: boolean;
  /** How long an encoding stays in each of its five steps; default 50. */
  readonly encodingStepMs?: number;
  /** Where status changes are announced; default nowhere. */
  readonly webhookUrl?: string;
  /** With `false` a video's `originalHash` stays null, which Bunny's documentation leaves open. Default `true`. */
  readonly showsOriginalHash?: boolean;
  /** How far its clock is ahead of this machine's, negative for behind; default 0. */
  readonly clockAheadMs?: number;
  /** How long lists, lookups and uploads do not know a new video; default 0. */
  readonly settleMs?: number;
}

/** A stand-in for one library of Bunny Stream: REST API, tus uploads, pretended encoding and webhooks. */
export interface BunnySimulator extends Simulator {
  readonly libraryId: string;
  readonly apiKey: string;
  readonly readOnlyApiKey: string;
  /** In the order of creation. */
  videos(): readonly SimulatedVideo[];
  /** In the order of creation. */
  collections(): readonly Collection[];
  /** The bytes of the video's file. Throws when there is none or it was not kept. */
  read(guid: string): Readable;
  /** Makes every unfinished tus upload unknown and says how many there were. An open PATCH is reset. */
  purgeUploads(): Promise<number>;
  /** Keeps part of the next PATCH's body and answers what is asked for. */
  interruptPatch(interruption: PatchInterruption): void;
  /** Ends the video's encoding with status 5; before its file is there, the encoding to come. Throws if unknown. */
  failEncoding(guid: string): void;
  /** Stops all encoding where it is, or lets it go on. */
  holdEncoding(isHeld: boolean): void;
  /** Ends the video's encoding in whatever status, and says of its size what is not so. Throws if unknown. */
  claim(guid: string, claim: { readonly status?: number; readonly bytes?: number }): void;
  /** Sets how far its clock is ahead of this machine's. */
  setClock(aheadMs: number): void;
  /** Sets how long lists, lookups and uploads do not know a video that is made from now on. */
  setSettling(settleMs: number): void;
}

/**
 * Starts a Bunny Stream simulator.
 *
 * For use from another process it also answers `GET /__sim/videos`, `GET /__sim/collections`, `GET /__sim/videos/{guid}/content`,
 * `POST /__sim/purge-uploads` (`{purged}`), `POST /__sim/videos/{guid}/fail-encoding`, `POST /__sim/hold-encoding`
 * (`{isHeld}`), `POST /__sim/videos/{guid}/claim` (`{status?, bytes?}`), `POST /__sim/clock` (`{aheadMs}`), `POST /__sim/settle`
 * (`{settleMs}`) and `POST /__sim/interrupt-patch` (a `PatchInterruption`).
 */
export async function startBunnySimulator(options: BunnySimulatorOptions = {}): Promise<BunnySimulator> {
  const {
    libraryId = '4321',
    apiKey = 'bunny-api-key-of-the-simulator',
    readOnlyApiKey = 'bunny-read-only-key',
    keepBytes = true,
    encodingStepMs = 50,
    showsOriginalHash = true,
  } = options;
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 'bunny-simulator-')));
  await mkdir(directory, { recursive: true });

  const closing = new AbortController();
  const newContent = (name: string) => createContent(keepBytes ? join(directory, name) : undefined);
  const webhooks = createWebhookSender({ url: options.webhookUrl, libraryId, readOnlyApiKey });
  let { clockAheadMs = 0, settleMs = 0 } = options;
  const setClock = (aheadMs: number) => {
    clockAheadMs = aheadMs;
  };
  const setSettling = (ms: number) => {
    settleMs = ms;
  };
  const clock = () => Date.now() + clockAheadMs;
  const library = createLibrary({ encodingStepMs, clock, settleMs: () => settleMs, tell: webhooks.send });
  const tus = createTusEndpoint({ library, libraryId, apiKey, newContent, clock, tell: webhooks.send });
  const rest = createRestApi({
    library,
    libraryId,
    apiKey,
    readOnlyApiKey,
    showsOriginalHash,
    newContent,
    forgetUpload: tus.forget,
    closing: closing.signal,
  });

  const videos = () =>
    [...library.videos.values()].map((video) => toSimulatedVideo(video, tus.receivedBytes(video.guid)));

  function read(guid: string): Readable {
    const content = library.videos.get(guid)?.content;
    if (content === undefined) throw new Error(`video ${guid} has no file`);
    return content.read();
  }

  const simulator = await startSimulator(
    options,
    async (request) => {
      const isUpload = request.url.pathname.startsWith(TUS_PATH);
      const answer = await (isUpload ? tus.handle(request) : rest(request));
      return { ...answer, headers: { date: new Date(clock()).toUTCString(), ...answer.headers } };
    },
    createControl({ library, tus, videos, read, keepBytes, setClock, setSettling }),
  );

  return {
    ...simulator,
    libraryId,
    apiKey,
    readOnlyApiKey,
    videos,
    collections: () => [...library.collections.values()],
    read,
    purgeUploads: tus.purge,
    interruptPatch: tus.interrupt,
    failEncoding(guid) {
      if (!library.failEncoding(guid)) throw new Error(`video ${guid} does not exist`);
    },
    holdEncoding: library.holdEncoding,
    claim(guid, claim) {
      if (!library.claim(guid, claim)) throw new Error(`video ${guid} does not exist`);
    },
    setClock,
    setSettling,
    async close() {
      closing.abort();
      webhooks.close();
      library.close();
      await simulator.close();
      if (options.directory === undefined)
        await rm(directory, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
