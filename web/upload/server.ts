import type { UploadStatusView } from '../../src/server/api/upload-status.ts';
import type { UploadConfig } from '../../src/server/pages/upload-config.ts';

export interface UploadServer {
  readonly tusUrl: string;
  readonly maxBytes: number;
  /** Whether it takes nothing but the audio and video that it knows. */
  readonly isMediaOnly: boolean;
}

/** Where to upload to. */
export async function readServer(): Promise<UploadServer> {
  const response = await fetch('/upload/config.json');
  if (!response.ok) throw new Error(`the server has answered ${response.status}`);
  const { tus_url, max_bytes, media_only } = (await response.json()) as UploadConfig;
  return {
    tusUrl: new URL(tus_url, location.href).href,
    maxBytes: max_bytes,
    isMediaOnly: media_only,
  };
}

/**
 * How far the recording is that an upload has become; `undefined` while the server is still handing it over, `left-out` if
 * another one of that recording came first.
 */
export async function readUploadStatus(
  uploadId: string,
  aceId: string,
): Promise<UploadStatusView | 'left-out' | undefined> {
  const response = await fetch(
    `/upload/status/${encodeURIComponent(uploadId)}?ace_id=${encodeURIComponent(aceId)}`,
  );
  if (response.status === 404) return undefined;
  if (response.status === 409) return 'left-out';
  if (!response.ok) throw new Error(`the server has answered ${response.status}`);
  return (await response.json()) as UploadStatusView;
}
