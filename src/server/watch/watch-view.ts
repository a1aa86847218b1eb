/** `GET /watch/{id}/player`: all that the page on which a recording is watched knows of it. */
export interface WatchView {
  readonly title: string;
  readonly state: 'ready' | 'preparing' | 'failed' | 'gone' | 'absent';
  /** Of the encoding. */
  readonly percent: number | null;
  readonly duration_s: number | null;
  /** Addresses, of this server or another one; null where there is none. */
  readonly hls: string | null;
  readonly dash: string | null;
  readonly poster: string | null;
  readonly sprite: string | null;
  readonly chapters: { readonly start_s: number; readonly title: string }[];
}
