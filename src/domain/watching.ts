import { stepPrefix } from './output-keys.ts';
import type { PlacedFile, Playback } from './playback.ts';

/** Who may watch beside operators: nobody, whoever has a signed link, whoever knows a recording's id. */
export type WatchMode = 'off' | 'signed' | 'public';

/** The page on which a recording is watched, at the address of this server. */
export function watchPageOf(serverUrl: string, recordingId: string): string {
  return `${serverUrl.replace(/\/$/, '')}/watch/${recordingId}`;
}

/** A part of a recording that begins somewhere and has a name. */
export interface Chapter {
  readonly startS: number;
  readonly title: string;
}

const MAX_CHAPTERS = 200;
const MAX_TITLE_LENGTH = 200;

/** The chapters that a caller has handed over (`metadata.chapters`: `start_s` and `title` of each), in their order; what is none is left out. */
export function chaptersIn(metadata: Readonly<Record<string, unknown>> | undefined): Chapter[] {
  const given: unknown = metadata?.['chapters'];
  if (!Array.isArray(given)) return [];
  const chapters = given.flatMap((each: unknown): Chapter[] => {
    const [startS, title] = [Reflect.get(Object(each), 'start_s'), Reflect.get(Object(each), 'title')];
    const isOne =
      typeof startS === 'number' && startS >= 0 && typeof title === 'string' && title.trim() !== '';
    return isOne ? [{ startS, title: title.slice(0, MAX_TITLE_LENGTH) }] : [];
  });
  return chapters.slice(0, MAX_CHAPTERS).sort((one, other) => one.startS - other.startS);
}

/**
 * The key of what a viewer asks for below a recording's own folder; `undefined` for what no viewer is meant to have: what
 * other steps have made, and what is no path.
 */
export function watchedKey(
  recordingId: string,
  path: string,
  { hls, dash, poster, sprite }: Pick<Playback, 'hls' | 'dash' | 'poster' | 'sprite'>,
): { readonly to: string; readonly key: string } | undefined {
  if (!/^[a-z][a-z0-9-]*\/\d+\/[\w-][\w.-]*$/.test(path)) return undefined;
  const own = `runs/${recordingId}/`;
  const key = own + path;
  const step = stepPrefix({ recordingId, step: path.slice(0, path.indexOf('/')) });
  const meant = [hls, dash, poster, sprite].find((file) => file?.key.startsWith(step));
  return meant && { to: meant.to, key };
}

/** The path of a file below its recording's own folder, as `watchedKey` takes it; `undefined` of one that lies elsewhere. */
export function watchedPath(recordingId: string, { key }: PlacedFile): string | undefined {
  const own = `runs/${recordingId}/`;
  return key.startsWith(own) ? key.slice(own.length) : undefined;
}
