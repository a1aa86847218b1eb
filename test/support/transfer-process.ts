import { createB2 } from '../../src/outside/b2/client.ts';
import { createBunny } from '../../src/outside/bunny/client.ts';
import { createDownloadHosts } from '../../src/outside/web/download-hosts.ts';
import { createZoom } from '../../src/outside/zoom/downloads.ts';

/** Where the simulators are that a process of its own shall move bytes to and from. */
export interface TransferOrder {
  readonly bytes: number;
  readonly b2: { readonly apiUrl: string; readonly keyId: string; readonly applicationKey: string };
  readonly bunny: { readonly apiUrl: string; readonly libraryId: string; readonly apiKey: string };
  readonly zoom: { readonly origins: readonly string[]; readonly url: string; readonly token: string };
}

const STEP = Buffer.alloc(1024 * 1024, 1);
const { signal } = new AbortController();
const idleTimeoutMs = 30_000;

let peakBytes = 0;

async function* generate(bytes: number): AsyncGenerator<Buffer> {
  for (let left = bytes; left > 0; left -= STEP.length) {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
    // A copy each time: a client that held one and the same buffer would not grow by it.
    yield Buffer.from(STEP.subarray(0, Math.min(STEP.length, left)));
  }
}

async function moveAll(order: TransferOrder, bytes: number): Promise<void> {
  const b2 = createB2({ ...order.b2, bucket: 'ace-academy-recordings', idleTimeoutMs });
  const file = { fileName: 'a.mp4', contentType: 'video/mp4', fileInfo: {} };
  await b2.uploadFile({ ...file, bytes, chunks: generate(bytes), signal });

  const bunny = createBunny({ ...order.bunny, tusUrl: `${order.bunny.apiUrl}/tusupload`, idleTimeoutMs });
  const { videoId } = await bunny.createVideo({ title: 'a', signal });
  const upload = { videoId, bytes, title: 'a', mediaType: 'video/mp4', signal };
  const { uploadUrl } = await bunny.createUpload(upload);
  await bunny.appendToUpload({ videoId, uploadUrl, offset: 0, bytes, chunks: generate(bytes), signal });
}

async function downloadAll(order: TransferOrder): Promise<number> {
  const hosts = createDownloadHosts(order.zoom.origins);
  const zoom = createZoom({ hosts, apiUrl: '', oauthUrl: '', accounts: [], idleTimeoutMs });
  const { url, token } = order.zoom;
  let bytes = 0;
  const { chunks } = await zoom.openDownload({ url, token, fromByte: 0, validator: null, signal });
  for await (const chunk of chunks) {
    bytes += chunk.length;
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  }
  return bytes;
}

process.once('message', async (order: TransferOrder) => {
  // What the first transfer of a process costs has nothing to do with how long a transfer is.
  await moveAll(order, 8 * STEP.length);
  peakBytes = 0;
  const startBytes = process.memoryUsage.rss();
  await moveAll(order, order.bytes);
  const downloadedBytes = await downloadAll(order);
  process.send?.({ grownBytes: peakBytes - startBytes, downloadedBytes });
  process.disconnect();
});
