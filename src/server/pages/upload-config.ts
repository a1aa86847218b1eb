/** `GET /upload/config.json`: what the upload page has to know before anything is sent. */
export interface UploadConfig {
  readonly tus_url: string;
  readonly max_bytes: number;
  readonly media_only: boolean;
}
