declare module 'm3u8-parser' {
  export interface Manifest {
    readonly segments: readonly {
      readonly uri: string;
      readonly duration: number;
      readonly map: { readonly uri: string };
    }[];
    readonly playlists?: readonly {
      readonly uri: string;
      readonly attributes: Readonly<Record<string, unknown>>;
    }[];
    readonly mediaGroups?: Readonly<
      Record<'AUDIO' | 'SUBTITLES', Readonly<Record<string, Readonly<Record<string, object>>>>>
    >;
    readonly endList?: boolean;
    readonly playlistType?: string;
    readonly targetDuration?: number;
    readonly independentSegments?: boolean;
  }
  export class Parser {
    on(type: 'warn' | 'info' | 'error', listener: (event: { message: string }) => void): void;
    push(text: string): void;
    end(): void;
    readonly manifest: Manifest;
  }
}

declare module 'mpd-parser' {
  export interface Playlist {
    readonly attributes: Readonly<Record<string, unknown>>;
    readonly resolvedUri?: string;
    readonly segments: readonly {
      readonly uri: string;
      readonly duration: number;
      readonly presentationTime: number;
    }[];
  }
  export function parse(
    text: string,
    options: { manifestUri: string; eventHandler: (event: { type: string; message: string }) => void },
  ): {
    readonly duration: number;
    readonly playlists: readonly Playlist[];
    readonly mediaGroups: Readonly<
      Record<
        'AUDIO' | 'SUBTITLES',
        Readonly<Record<string, Readonly<Record<string, { readonly playlists: readonly Playlist[] }>>>>
      >
    >;
  };
}
