import { publisherOf, videosIn } from '../domain/published.ts';
import type { Publisher, Video } from '../engine/ports/publisher.ts';
import type { Store, UnfinishedFile } from '../engine/ports/store.ts';
import type { Claim } from '../ledger/claims.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type Broom, isLive, isOld, isWithinMemory, type Leftover, type SweepTerms } from './broom.ts';

/** Looks in a store for files that were begun for a recording which will not go on with them. */
export function createUnfinishedBroom(options: {
  readonly store: Pick<Store, 'name' | 'place' | 'unfinished' | 'parts' | 'abandon'>;
  readonly ledger: Pick<Ledger, 'recordings' | 'claims'>;
  readonly terms: SweepTerms;
}): Broom {
  const { store, terms } = options;
  const { recordings, claims } = options.ledger;

  async function inspect(file: UnfinishedFile, signal: AbortSignal): Promise<Leftover | undefined> {
    const parts = await store.parts({ file, signal });
    if (parts === undefined) return undefined;

    const recording = await recordings.get(file.mark?.recordingId ?? '');
    const owners = [
      ...(await claims.of({ service: store.name, ref: file.id })).map((claim) => claim.recording),
    ];
    if (recording !== undefined) owners.push(recording);
    if (owners.some((owner) => isLive(owner, terms))) return undefined;
    return {
      bytes: [...parts.values()].reduce((sum, { bytes }) => sum + bytes, 0),
      reason:
        recording === undefined ? 'its recording is unknown here' : `its recording is ${recording.state}`,
      remove: () => store.abandon({ file, signal }),
    };
  }

  return {
    kind: 'large-file',
    async suspects(signal) {
      const sinceMs = await claims.sinceMs();
      if (sinceMs === undefined || !isOld(sinceMs, terms)) return [];
      const files = await store.unfinished({ prefix: '', signal });
      return files
        .filter(
          ({ mark, startedAtMs }) =>
            mark !== undefined && isOld(startedAtMs, terms) && isWithinMemory(startedAtMs, sinceMs),
        )
        .map((file) => ({
          name: `${file.name} (${file.id})`,
          inspect: () => inspect(file, signal),
        }));
    },
  };
}

/**
 * Looks with a publisher for empty videos that we have made and not used. One is ours if it bears the mark of a recording
 * of this ledger, or if a recording has noted its id; whatever else is there is not, under whatever title. One that a
 * recording has published stays whatever it looks like, since the website knows of it.
 */
export function createVideoBroom(options: {
  readonly publisher: Pick<Publisher, 'name' | 'service' | 'list' | 'look' | 'remove'>;
  readonly ledger: Pick<Ledger, 'claims'>;
  readonly terms: SweepTerms;
}): Broom {
  const { publisher, terms } = options;
  const { claims } = options.ledger;

  async function inspect({ videoId }: Video, signal: AbortSignal): Promise<Leftover | undefined> {
    const video = await publisher.look({ videoId, signal });
    if (video?.status !== 'empty' || !isOld(video.createdAtMs, terms)) return undefined;

    const marked = video.ownerId === undefined ? [] : [video.ownerId];
    const all = await claims.of({ service: publisher.service, ref: videoId }, marked);
    const isNeeded = all.some(
      (claim) =>
        videosIn(claim.facts).some((published) => published.videoId === videoId) || mayStillUse(claim, video),
    );
    const [owner] = all;
    if (owner === undefined || isNeeded) return undefined;
    return {
      bytes: video.storedBytes ?? 0,
      reason: `its recording ${owner.recording.id} is ${owner.recording.state}`,
      remove: () => publisher.remove({ videoId, signal }),
    };
  }

  /** A live recording uses the videos that it has noted, and looks for one that it lost. */
  function mayStillUse({ recording, facts, checkpoints }: Claim, { videoId }: Video): boolean {
    if (!isLive(recording, terms)) return false;
    const noted = Object.values(checkpoints).flatMap((checkpoint) => notedVideo(checkpoint) ?? []);
    if (noted.includes(videoId)) return true;
    const isWithUs = (id: string) => publisherOf(id) === publisher.name;
    return !noted.some(isWithUs) && !videosIn(facts).some((published) => isWithUs(published.videoId));
  }

  return {
    kind: 'video',
    async suspects(signal) {
      const sinceMs = await claims.sinceMs();
      if (sinceMs === undefined || !isOld(sinceMs, terms)) return [];
      const empty: Video[] = [];
      for await (const video of publisher.list({ signal })) {
        if (video.status === 'empty' && isOld(video.createdAtMs, terms)) empty.push(video);
      }
      return empty.map((video) => ({ name: video.videoId, inspect: () => inspect(video, signal) }));
    },
  };
}

/** The video that a step which is not done has noted; of no other task does a checkpoint name one. */
function notedVideo(checkpoint: unknown): string | undefined {
  const { videoId } = (checkpoint ?? {}) as { readonly videoId?: string | null };
  return videoId ?? undefined;
}
