import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { DefaultHttpStack, DetailedError, defaultOptions, type FileReader, Upload } from 'tus-js-client';
import { createLink, throughLinks } from '../../simulators/shared/link.ts';
import { pause } from './waiting.ts';

/** The speed of a tutor's line. */
const BYTES_PER_SECOND = 3_000_000;

/** How large the requests are that an upload consists of. */
const CHUNK_BYTES = 2 * 1024 * 1024;

/** How soon a tutor presses "resume" after a cut, or after the client has given up. */
const TUTOR_PAUSE_MS = 700;

export type TusResult =
  | { readonly kind: 'accepted' }
  /** The recording had arrived already. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly reason: string };

type Leg = TusResult | { readonly kind: 'again' };

/** Uploads a file with tus-js-client; cuts the connection after these shares of it, and resumes until it is done. */
export async function sendByTus(options: {
  path: string;
  bytes: number;
  endpoint: string;
  metadata: Readonly<Record<string, string>>;
  headers?: Readonly<Record<string, string>>;
  cutsAt: readonly number[];
  /** Called when the last byte is on its way, and not answered. */
  onAllSent: () => void;
  /** Hears of the address of an upload as soon as the client knows it. */
  onUrl: (url: string) => void;
  signal: AbortSignal;
}): Promise<TusResult> {
  let uploadUrl: string | undefined;
  const cuts = options.cutsAt.map((share) => share * options.bytes);

  function leg(): Promise<Leg> {
    const cutAtBytes = cuts.shift();
    return new Promise((resolve) => {
      const upload = new Upload(createReadStream(options.path), {
        endpoint: options.endpoint,
        uploadUrl,
        metadata: { ...options.metadata },
        headers: { ...options.headers },
        chunkSize: CHUNK_BYTES,
        retryDelays: [0, 1000, 3000],
        httpStack: new DefaultHttpStack({ agent: false }),
        fileReader: throttled,
        onUploadUrlAvailable() {
          uploadUrl = upload.url ?? undefined;
          if (uploadUrl !== undefined) options.onUrl(uploadUrl);
        },
        onProgress(sentBytes) {
          if (sentBytes >= options.bytes) options.onAllSent();
          if (options.signal.aborted || (cutAtBytes !== undefined && sentBytes >= cutAtBytes)) {
            void upload.abort();
            resolve({ kind: 'again' });
          }
        },
        onSuccess: () => resolve({ kind: 'accepted' }),
        onError: (error) => resolve(meaningOf(error)),
      });
      upload.start();
    });
  }

  for (;;) {
    const result = await leg();
    if (result.kind !== 'again') return result;
    await pause(TUTOR_PAUSE_MS, options.signal);
  }
}

/** What the tutor makes of an error: only a plain no is an end. */
function meaningOf(error: Error): Leg {
  const response = error instanceof DetailedError ? error.originalResponse : null;
  const status = response?.getStatus() ?? 0;
  const text = response?.getBody() ?? '';
  if (status === 409 && text.includes('ACE_ID_TAKEN')) return { kind: 'taken' };
  const isFinal = status >= 400 && status < 500 && status !== 409 && status !== 423;
  return isFinal ? { kind: 'refused', reason: `${status} ${text}` } : { kind: 'again' };
}

/** The client's own way to read files, at the speed of a line. */
const throttled: FileReader = {
  async openFile(input: Readable, chunkSize) {
    const source = await defaultOptions.fileReader.openFile(input, chunkSize);
    input.destroy();
    const line = createLink(BYTES_PER_SECOND);
    return {
      size: source.size,
      async slice(start, end) {
        const { value, done } = await source.slice(start, end);
        // The size becomes the request's Content-Length.
        const limited = Object.assign(throughLinks([line]), { size: Math.min(end, source.size) - start });
        pipeline(value, limited, () => {});
        return { value: limited, done };
      },
      close: () => source.close(),
    };
  },
};
