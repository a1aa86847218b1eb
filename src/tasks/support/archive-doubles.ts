import { archivedFiles, storeOf, whereIn } from '../../domain/archived.ts';
import type { LateFinding, LateLooker } from '../../engine/late-looker.ts';
import type { Store, StoredFile } from '../../engine/ports/store.ts';

/**
 * Looks in a store, under the name that a recording's file has, for what was written or begun there and given up: whatever
 * bears the recording's mark and is not a file that the ledger names.
 */
export function createArchiveLooker({ store }: { readonly store: Store }): LateLooker {
  const service = store.name;
  return {
    service,
    async look({ recordingId, place: fileName, claim, signal }) {
      const isOurs = ({ name, mark }: Pick<StoredFile, 'name' | 'mark'>) =>
        name === fileName && mark?.recordingId === recordingId;
      const unfinished = (await store.unfinished({ prefix: fileName, signal })).filter(isOurs);
      const finished = (await store.find({ name: fileName, signal })).filter(isOurs);
      const keptIds = async () => {
        const now = await claim();
        const kept = now && archivedFiles(now.facts).filter((file) => storeOf(file) === service);
        return kept?.map(({ fileId }) => fileId);
      };

      const findings: LateFinding[] = [];
      for (const file of unfinished) {
        const kept = await keptIds();
        if (kept === undefined || kept.includes(file.id)) continue;
        await store.abandon({ file, signal });
        findings.push({
          type: 'late.removed',
          data: { service, what: 'unfinished', fileId: file.id, fileName },
        });
      }
      for (const file of finished) {
        const kept = await keptIds();
        if (kept === undefined || kept.includes(file.id)) continue;
        // Where the one to keep is not to be seen, the other may be all there is.
        const isDouble = kept.every((id) => finished.some((each) => each.id === id));
        if (!isDouble) continue;
        findings.push(
          (await store.remove({ file, signal })) === 'removed'
            ? { type: 'late.removed', data: { service, what: 'file', fileId: file.id, fileName } }
            : { type: 'archive.left', data: { ...whereIn(store), fileId: file.id, fileName } },
        );
      }
      return findings;
    },
  };
}
