import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { runProgram } from './programs.ts';
import { type SimulatedServices, steer } from './simulated-services.ts';
import { type Cost, cpuSecondsIn } from './timed-program.ts';

/** Where a recording can be downloaded, and with what. */
export interface DownloadLink {
  readonly url: string;
  readonly token: string;
}

/** Makes a meeting with this file, and hears of its download as a webhook would tell. */
export async function linkTo(
  { zoom }: Pick<SimulatedServices['urls'], 'zoom'>,
  path: string,
): Promise<DownloadLink> {
  const meeting = { topic: 'Algebra', files: [{ path }] };
  const { uuid } = (await steer('POST', `${zoom}/__sim/meetings`, meeting)) as { readonly uuid: string };
  let body: unknown;
  const listener = createServer((request, response) => {
    void json(request).then((value) => {
      body = value;
      response.end();
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  try {
    const { port } = listener.address() as AddressInfo;
    await steer('POST', `${zoom}/__sim/send`, { meetingUuid: uuid, webhookUrl: `http://127.0.0.1:${port}/` });
  } finally {
    listener.close();
    listener.closeAllConnections();
  }
  const event = body as {
    readonly download_token: string;
    readonly payload: {
      readonly object: { readonly recording_files: readonly { readonly download_url: string }[] };
    };
  };
  const [file] = event.payload.object.recording_files;
  if (file === undefined) throw new Error('a webhook told of no file');
  return { url: file.download_url, token: event.download_token };
}

/** Runs the script that does without Sluice: curl, rclone, tus-js-client, one after another. */
export async function runScript(options: {
  readonly services: SimulatedServices;
  readonly link: DownloadLink;
  readonly rclone: string;
  /** Where the download may lie meanwhile. */
  readonly folder: string;
  readonly signal: AbortSignal;
}): Promise<Cost> {
  const { services, link, rclone, folder, signal } = options;
  const startedMs = performance.now();
  const output = await runProgram('sh', [join(import.meta.dirname, 'script/bring-home.sh')], signal, {
    ...services.environment,
    DOWNLOAD_URL: link.url,
    DOWNLOAD_TOKEN: link.token,
    FILE: join(folder, 'script.mp4'),
    ARCHIVE_NAME: `script/${randomUUID()}.mp4`,
    RCLONE: rclone,
    RCLONE_CONFIG: devNull,
    NODE: process.execPath,
  });
  return { wallMs: performance.now() - startedMs, cpuS: cpuSecondsIn(output) };
}
