import { useState } from 'preact/hooks';
import { formatBytes } from '../shared/format.ts';
import { Dialog } from './dialog.tsx';
import type { RecordingDetail, RecordingView } from './types.ts';
import { publisherWords } from './vocabulary.ts';

/* What is asked before something is done with a recording that is home. */

interface Asking {
  readonly recording: RecordingView;
  readonly close: () => void;
  readonly act: (body: object) => Promise<void>;
}

/** Asks for another title, and says where it will be seen. */
export function RenameDialog({ recording, close, act }: Asking) {
  const [title, setTitle] = useState(recording.title);
  return (
    <Dialog title={`Rename “${recording.title}”`} close={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void act({ title });
        }}
      >
        <label>
          Title
          <input
            type="text"
            required
            maxLength={250}
            value={title}
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        </label>
        <p class="small muted">
          {recording.kind === 'video'
            ? 'Where it is published, and on the website, it gets the new title too. '
            : 'Only here: elsewhere its video is what is known. '}
          {recording.archive && 'The archived file keeps its name.'}
        </p>
        <div class="actions">
          <button type="submit" class="primary" disabled={title.trim() === ''}>
            Rename
          </button>
          <button type="button" onClick={close}>
            Leave it
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Says what publishing again does before it is begun. */
export function PublishAgainDialog({ recording, close, act }: Asking) {
  const { title, archive, bytes } = recording;
  return (
    <Dialog title={`Publish “${title}” again?`} close={close}>
      <p>
        The archived file{bytes === null ? '' : ` (${formatBytes(bytes)})`} is brought back and published as a
        new video, with its captions. The website hears the new address. The video that there is now goes once
        the new one can be watched.
      </p>
      {archive && (
        <p class="small muted wrap">
          {archive.bucket}/{archive.file_name}
        </p>
      )}
      <div class="actions">
        <button type="button" class="primary" onClick={() => act({})}>
          Publish again
        </button>
        <button type="button" onClick={close}>
          Leave it
        </button>
      </div>
    </Dialog>
  );
}

/** Names all that goes, before it goes. */
export function DeleteDialog({
  recording,
  related,
  close,
  act,
}: Asking & { readonly related: RecordingDetail['related'] }) {
  const { title, archive, archives, videos, kind } = recording;
  const companions = kind === 'video' ? related.filter((each) => each.beside && each.state === 'done') : [];
  const [isWithCompanions, setWithCompanions] = useState(false);
  return (
    <Dialog title={`Delete “${title}” everywhere?`} close={close}>
      <p>This cannot be undone. What goes:</p>
      <ul class="goes">
        {archive && (
          <li>
            the archived file <span class="wrap">{archive.file_name}</span>, in all its versions
          </li>
        )}
        {archives.map(({ store, path }) => (
          <li key={`${store} ${path}`}>
            the file <span class="wrap">{path}</span> in the store “{store}”
          </li>
        ))}
        {videos.map(({ publisher, video_id }) => (
          <li key={video_id}>the video in {publisherWords(publisher)}, with its captions</li>
        ))}
        {kind === 'video' && <li>what the website shows of it: it is told at once</li>}
        {kind === 'companion' && <li>what of it is shown with its video</li>}
      </ul>
      {companions.length > 0 && (
        <label class="check">
          <input
            type="checkbox"
            checked={isWithCompanions}
            onChange={(event) => setWithCompanions(event.currentTarget.checked)}
          />
          Also what belongs to it:{' '}
          {companions
            .map(({ companion }) => (companion ?? 'file').toLowerCase().replace(/_/g, ' '))
            .join(', ')}
        </label>
      )}
      <p class="small muted">Its history stays here. What its source still has stays there.</p>
      <div class="actions">
        <button type="button" class="primary" onClick={close}>
          Keep it
        </button>
        <button type="button" class="danger" onClick={() => act({ companions: isWithCompanions })}>
          Delete everywhere
        </button>
      </div>
    </Dialog>
  );
}
