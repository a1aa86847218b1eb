import type { Bunny } from './client.ts';

/** Bunny collections by their name; one that is missing is made. */
export interface Collections {
  idOf(name: string, signal: AbortSignal): Promise<string>;
  /** Looks again for all of them: somebody may have deleted one. */
  forget(): void;
}

/**
 * Safe to repeat: a collection whose creation was not answered is found by its name the next time.
 *
 * One recording moves at a time, so no two make the same collection.
 */
export function createCollections({
  bunny,
}: {
  bunny: Pick<Bunny, 'findCollection' | 'createCollection'>;
}): Collections {
  const known = new Map<string, string>();
  return {
    async idOf(name, signal) {
      const id =
        known.get(name) ??
        (await bunny.findCollection({ name, signal }))?.collectionId ??
        (await bunny.createCollection({ name, signal })).collectionId;
      known.set(name, id);
      return id;
    },
    forget: () => known.clear(),
  };
}
