import type { Video } from './library.ts';

const PRETENDED_BYTES_PER_SECOND = 125_000;

/** A video as Bunny's API shows it. Length, size and pictures are pretended: nothing is really encoded. */
export function toVideoModel(
  video: Video,
  options: { readonly libraryId: string; readonly showsOriginalHash: boolean },
) {
  const isReady = video.status === 4;
  const bytes = video.claimedBytes ?? video.content?.bytes ?? 0;
  return {
    videoLibraryId: Number(options.libraryId),
    guid: video.guid,
    title: video.title,
    description: null,
    dateUploaded: video.dateUploaded,
    views: 0,
    isPublic: false,
    length: video.status >= 2 ? Math.ceil(bytes / PRETENDED_BYTES_PER_SECOND) : 0,
    status: video.status,
    framerate: video.status >= 2 ? 30 : 0,
    rotation: null,
    width: video.status >= 2 ? 1280 : 0,
    height: video.status >= 2 ? 720 : 0,
    availableResolutions: video.availableResolutions,
    outputCodecs: isReady ? 'x264' : null,
    thumbnailCount: isReady ? 1 : 0,
    encodeProgress: video.encodeProgress,
    storageSize: bytes,
    captions: [...video.captions.values()].map(({ srclang, label }) => ({ srclang, label, version: 1 })),
    hasMP4Fallback: isReady,
    collectionId: video.collectionId,
    thumbnailFileName: 'thumbnail.jpg',
    thumbnailBlurhash: null,
    averageWatchTime: 0,
    totalWatchTime: 0,
    category: 'unknown',
    chapters: video.chapters,
    moments: video.moments,
    metaTags: video.metaTags,
    transcodingMessages:
      video.status === 5
        ? [
            {
              timeStamp: video.dateUploaded,
              level: 2,
              issueCode: 0,
              message: 'The file could not be encoded',
              value: null,
            },
          ]
        : [],
    jitEncodingEnabled: false,
    smartGenerateStatus: null,
    hasOriginal: video.content === undefined ? null : true,
    originalHash: options.showsOriginalHash ? (video.content?.sha256() ?? null) : null,
  };
}
