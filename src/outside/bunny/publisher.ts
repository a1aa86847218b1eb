import { KnownError } from '../../domain/errors.ts';
import {
  isMarkedTitle,
  markedBytes,
  markedTitle,
  markOf,
  ownerOf,
  plainTitle,
  tagsOf,
} from '../../domain/video-mark.ts';
import type { Publisher, Video } from '../../engine/ports/publisher.ts';
import type { Bunny, Video as BunnyVideo } from './client.ts';
import { createCollections } from './collections.ts';

/** Bunny Stream as a publisher: a video bears its mark in its title until it is complete, then in its meta tags. */
export function createBunnyPublisher(bunny: Bunny, { libraryId }: { readonly libraryId: string }): Publisher {
  const collections = createCollections({ bunny });

  return {
    name: 'bunny',
    service: 'bunny',
    label: 'Bunny',
    comesLate: true,
    probe: bunny.probe,

    /** Into its collection, if it has one; if that was deleted a moment ago, the next attempt makes it again. */
    async reserve({ recording, shelf, signal }) {
      const title = markedTitle(recording);
      if (shelf === null) return await bunny.createVideo({ title, signal });
      const collectionId = await collections.idOf(shelf, signal);
      try {
        return await bunny.createVideo({ title, collectionId, signal });
      } catch (error) {
        collections.forget();
        throw error;
      }
    },

    async look(input) {
      const video = await bunny.getVideo(input);
      return video && toVideo(video);
    },

    /** In their title, or in their tags, where they have its plain title. */
    async findOwn({ recording: { id, title }, signal }) {
      const [marked, named] = await Promise.all([
        bunny.findVideos({ search: markOf(id), signal }),
        bunny.findVideos({ search: plainTitle(title), signal }).catch((error) => {
          // A title that Bunny will not search for is no reason to go no further.
          if (error instanceof KnownError && error.code === 'REMOTE_REJECTED') return [];
          throw error;
        }),
      ]);
      const all = new Map([...marked, ...named].map((video) => [video.videoId, toVideo(video)]));
      return [...all.values()].filter(({ ownerId }) => ownerId === id);
    },

    async *list({ signal }) {
      for (let page = 1, isLast = false; !isLast; page += 1) {
        const found = await bunny.listVideos({ page, signal });
        isLast = found.isLast;
        yield* found.videos.map(toVideo);
      }
    },

    remove: bunny.deleteVideo,

    begin: ({ videoId, recording, bytes, mediaType, signal }) =>
      bunny.createUpload({ videoId, bytes, title: markedTitle(recording), mediaType, signal }),
    offset: bunny.uploadOffset,
    append: bunny.appendToUpload,

    factOf: (videoId) => ({ libraryId, videoId }),

    async setTitle({ video, recording, bytes, signal }) {
      await bunny.updateVideo({
        videoId: video.videoId,
        title: plainTitle(recording.title),
        tags: tagsOf(video.tags, { recordingId: recording.id, bytes }),
        signal,
      });
    },

    captions: { set: bunny.setCaptions, remove: bunny.removeCaptions },
  };
}

function toVideo(video: BunnyVideo): Video {
  return {
    ...video,
    ownerId: ownerOf(video),
    hasPlainTitle: !isMarkedTitle(video.title),
    madeOfBytes: markedBytes(video),
  };
}
