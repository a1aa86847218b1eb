import { basename } from 'node:path';
import { createLink } from '../../simulators/shared/link.ts';
import { byteSize } from '../../src/lib/byte-size.ts';
import { createUploadToken } from '../../src/lib/upload-token.ts';
import type { Environment } from './environment.ts';
import { DemoFailure } from './failure.ts';
import type { Shipment, Shipments } from './shipments.ts';
import { uploadByTus } from './tus-upload.ts';
import { pause } from './waiting.ts';

/** How long the tutor's connection is away, in milliseconds. */
const CUT_MS = 1000;

/** How long the upload takes at least, so that half way is somewhere, in seconds. */
const MIN_UPLOAD_S = 2;

type Say = (line: string) => void;

/** Sends everything through its door, all doors at once; gives back the Zoom meeting. @throws DemoFailure */
export async function sendAll(
  environment: Environment,
  { zoom, custom, tus }: Shipments,
  say: Say,
  signal: AbortSignal,
): Promise<{ readonly meetingUuid: string }> {
  const [sent] = await Promise.all([
    sendZoomWebhook(environment, zoom, say),
    sendCustomFiles(environment, custom, say, signal),
    sendUpload(environment, tus, say, signal),
  ]);
  return sent;
}

async function sendZoomWebhook(
  { pipelineUrl, simulators: { zoom }, logPaths }: Environment,
  { topic, files }: Shipments['zoom'],
  say: Say,
): Promise<{ readonly meetingUuid: string }> {
  const meeting = await zoom.addMeeting({
    topic,
    files: files.map(({ id, recordingType, shipment }) => ({ id, recordingType, path: shipment.file.path })),
  });
  const attempt = await zoom.send(`${pipelineUrl}/zoom-upload`, zoom.recordingCompleted(meeting));
  if (attempt.status !== 200) {
    const problem = `The Zoom webhook was answered with ${attempt.status}: ${attempt.body}`;
    throw new DemoFailure(problem, { logPath: logPaths.pipeline });
  }
  say(`zoom    webhook with ${files.length} MP4s: 200 in ${Math.round(attempt.durationMs)} ms`);
  return { meetingUuid: meeting.uuid };
}

async function sendCustomFiles(
  { pipelineUrl, logPaths }: Environment,
  shipments: readonly Shipment[],
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  for (const { title, file, keepsFile, recipe } of shipments) {
    const response = await fetch(`${pipelineUrl}/custom-upload`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ path: file.path, title, keep_file: keepsFile, recipe }),
      signal,
    });
    const answer = await response.text();
    if (response.status !== 202) {
      const problem = `/custom-upload answered ${response.status} for ${file.path}: ${answer}`;
      throw new DemoFailure(problem, { logPath: logPaths.pipeline });
    }
    say(
      `custom  ${basename(file.path)}${keepsFile ? ', to be kept' : ''}${recipe === undefined ? '' : ', to B2 and a folder'}: 202`,
    );
  }
}

/** A tutor's upload whose connection breaks half way, and that a page opened anew goes on with. */
async function sendUpload(
  { tusUrl, uploadTokenSecret, bytesPerSecond }: Environment,
  { title, aceId, file, upload }: Shipments['tus'],
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const options = {
    path: file.path,
    endpoint: tusUrl,
    token: await createUploadToken({ secret: uploadTokenSecret, aceId, expiresInS: 3600, title }),
    metadata: { ace_id: aceId, filename: basename(file.path), filetype: 'video/mp4' },
    link: createLink(Math.min(bytesPerSecond, file.bytes / MIN_UPLOAD_S)),
    onSent(sentBytes: number) {
      upload.sentBytes = sentBytes;
    },
    signal,
  };
  upload.state = 'sending';
  const first = await uploadByTus({ ...options, cutAfterBytes: file.bytes / 2 });
  upload.state = 'cut';
  const cut = `${byteSize(first.sentBytes)} of ${byteSize(file.bytes)}`;
  say(`manual  ${basename(file.path)}: connection cut after ${cut}`);
  await pause(CUT_MS, signal);

  upload.state = 'sending';
  let isTold = false;
  const second = await uploadByTus({
    ...options,
    uploadUrl: first.uploadUrl,
    onSent(sentBytes) {
      options.onSent(sentBytes);
      if (!isTold)
        say(`manual  ${basename(file.path)}: resumed at ${byteSize(sentBytes)} (byte ${sentBytes})`);
      isTold = true;
    },
  });
  const { startedAtBytes } = second;
  if (!(startedAtBytes > 0 && startedAtBytes < file.bytes)) {
    throw new DemoFailure(`The tus upload did not resume half way, but at byte ${startedAtBytes}.`);
  }
  upload.state = 'sent';
}
