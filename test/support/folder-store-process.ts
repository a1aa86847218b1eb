import { createFolderStore, type FolderStoreOptions } from '../../src/outside/folder/store.ts';

/** Writes parts of a file into a folder store until it is killed; tells of each, and of where it is in the middle of one. */
const options: FolderStoreOptions & { readonly partBytes: number } = JSON.parse(process.argv[2] ?? '');
const { signal } = new AbortController();
const store = createFolderStore(options);
const name = 'zoom/2026/01/05/killed.mp4';
const { id } = await store.begin({
  name,
  mediaType: 'video/mp4',
  mark: { recordingId: 'rec_1', content: 'c0ffee' },
  totalBytes: 3 * options.partBytes,
  modifiedAtMs: 0,
  signal,
});

async function* half(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(options.partBytes / 2, 2);
  process.send?.({ id, name });
  await new Promise(() => setInterval(() => {}, 1000));
}

async function* whole(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(options.partBytes, 1);
}

const file = { id, name };
const { partBytes: bytes } = options;
await store.putPart({ file, number: 1, startByte: 0, bytes, chunks: whole(), signal });
await store.putPart({ file, number: 2, startByte: bytes, bytes, chunks: half(), signal });
