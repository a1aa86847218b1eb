import { createReadStream } from 'node:fs';
import { pipeline, type Readable } from 'node:stream';
import { defaultOptions, type FileReader, Upload } from 'tus-js-client';
import { type Link, throughLinks } from '../../simulators/shared/link.ts';
import { DemoFailure } from './failure.ts';

export interface TusUploadOptions {
  readonly path: string;
  /** Where to create the upload. */
  readonly endpoint: string;
  /** The address of an upload that exists already; with it, the upload goes on where the server says. */
  readonly uploadUrl?: string;
  /** With which the website allows the upload. */
  readonly token: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Limits the speed of sending. */
  readonly link: Link;
  /** Cuts the connection once this many bytes have been sent, in the middle of a request. */
  readonly cutAfterBytes?: number;
  readonly onSent: (sentBytes: number) => void;
  readonly signal: AbortSignal;
}

export interface TusUploadResult {
  readonly uploadUrl: string;
  /** The offset at which it went on, as the server named it; 0 for a new one. */
  readonly startedAtBytes: number;
  readonly sentBytes: number;
}

/** Uploads a file as a browser would, in one request of the tus protocol, to its end or until it is cut. */
export function uploadByTus(options: TusUploadOptions): Promise<TusUploadResult> {
  const { path, endpoint, uploadUrl, token, metadata, link, cutAfterBytes, onSent, signal } = options;
  let startedAtBytes = 0;
  let lastBytes = 0;

  return new Promise((resolve, reject) => {
    const finish = () => {
      signal.removeEventListener('abort', onAbort);
      resolve({ uploadUrl: upload.url ?? '', startedAtBytes, sentBytes: lastBytes });
    };
    const onAbort = () => {
      void upload.abort();
      reject(signal.reason);
    };
    const upload = new Upload(createReadStream(path), {
      endpoint,
      uploadUrl,
      headers: { Authorization: `Bearer ${token}` },
      metadata: { ...metadata },
      fileReader: throttled(link),
      retryDelays: null,
      onAfterResponse(request, response) {
        if (request.getMethod() === 'HEAD') startedAtBytes = Number(response.getHeader('Upload-Offset'));
      },
      onProgress(sentBytes) {
        lastBytes = sentBytes;
        onSent(sentBytes);
        if (cutAfterBytes === undefined || sentBytes < cutAfterBytes) return;
        void upload.abort();
        finish();
      },
      onSuccess: finish,
      onError(cause) {
        signal.removeEventListener('abort', onAbort);
        reject(new DemoFailure(`The tus upload was refused: ${cause.message}`, { cause }));
      },
    });
    signal.addEventListener('abort', onAbort, { once: true });
    upload.start();
  });
}

/** The client's own way to read files, at the speed of a link. */
function throttled(link: Link): FileReader {
  return {
    async openFile(input: Readable, chunkSize) {
      const source = await defaultOptions.fileReader.openFile(input, chunkSize);
      input.destroy();
      return {
        size: source.size,
        async slice(start, end) {
          const { value, done } = await source.slice(start, end);
          // The size becomes the request's Content-Length.
          const limited = Object.assign(throughLinks([link]), { size: Math.min(end, source.size) - start });
          pipeline(value, limited, () => {});
          return { value: limited, done };
        },
        close: () => source.close(),
      };
    },
  };
}
