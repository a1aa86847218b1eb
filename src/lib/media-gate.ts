import { type FileHandle, open } from 'node:fs/promises';
import { createFfprobe, type FfprobeOptions } from './ffprobe.ts';
import { type Look, lookAt, lookAtFile, type MediaType } from './media-type.ts';

export interface MediaGateOptions {
  /** Endings of names and media types that an operator wants taken, whatever the content is: in small letters. */
  readonly allowed: readonly string[];
  /** Asked where our own look does not tell; none: it is not. */
  readonly ffprobe?: FfprobeOptions | undefined;
}

/** What is said of a file by those who bring it. Believed only where an operator has said so. */
export interface Claim {
  readonly filename?: string | undefined;
  readonly filetype?: string | undefined;
}

/**
 * Decides what is let in as audio and video: what our own signatures know, what ffprobe can read where it is installed,
 * and what an operator allows. The first bytes of a file are a first look; only what surely is something else is turned
 * away by it.
 */
export interface MediaGate {
  look(firstBytes: Uint8Array, claim?: Claim): Promise<Look>;
  /** Decides of a file that is there as a whole: what it is, or `undefined` if it is neither audio nor video. */
  typeOf(file: FileHandle | string, claim?: Claim): Promise<MediaType | undefined>;
}

export function createMediaGate({ allowed, ffprobe }: MediaGateOptions): MediaGate {
  const probe = ffprobe === undefined ? undefined : createFfprobe(ffprobe);

  /** By the ending of its name, by what it is said to be, or by what it is. */
  function allowance({ filename = '', filetype = '' }: Claim = {}, mime?: string): MediaType | undefined {
    const ending = /\.([a-z0-9]{1,10})$/i.exec(filename.trim())?.[1]?.toLowerCase();
    const said = filetype.split(';')[0]?.trim().toLowerCase() ?? '';
    const isByEnding = ending !== undefined && allowed.includes(ending);
    const type = [mime, said].find((each) => each !== undefined && allowed.includes(each));
    if (!isByEnding && type === undefined) return undefined;
    const isMime = /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/.test(said);
    return {
      mime: type ?? mime ?? (isMime ? said : 'application/octet-stream'),
      extension: ending ?? 'bin',
    };
  }

  async function typeOfHandle(handle: FileHandle, claim?: Claim): Promise<MediaType | undefined> {
    const look = await lookAtFile(handle);
    if (look.kind === 'media') return look.media;
    if (look.kind === 'other') return allowance(claim, look.mime);
    return (await probe?.ask(handle)) ?? allowance(claim);
  }

  return {
    async look(firstBytes, claim) {
      const look = await lookAt(firstBytes);
      const media = look.kind === 'other' ? allowance(claim, look.mime) : undefined;
      return media === undefined ? look : { kind: 'media', media };
    },

    async typeOf(file, claim) {
      if (typeof file !== 'string') return await typeOfHandle(file, claim);
      const handle = await open(file, 'r');
      try {
        return await typeOfHandle(handle, claim);
      } finally {
        await handle.close();
      }
    },
  };
}

/** The gate as it is without settings: our own signatures, and nothing else. */
export const STRICT_MEDIA_GATE: MediaGate = createMediaGate({ allowed: [] });
