import { Afterwards } from './afterwards.tsx';
import { Cancel } from './cancel.tsx';
import { useWords } from './language.ts';
import { Progress } from './progress.tsx';
import type { Item, Uploads } from './uploads.ts';

/** One file: what it is, how far it is, what can be done. */
export function UploadItem({ uploads, item }: { uploads: Uploads; item: Item }) {
  const { id, file, phase, refusal, aceId, title, notes } = item;
  const { say, tell, bytes } = useWords();
  const isOnItsWay = phase !== 'ready' && phase !== 'arrived';
  return (
    <li class="card item">
      <div class="head">
        <p class="name">
          <strong>{phase === 'ready' ? file.name : title || file.name}</strong>{' '}
          <span class="muted small">
            {phase !== 'ready' && title !== '' && `${file.name}, `}
            {bytes(file.size)}
          </span>
        </p>
        <Buttons uploads={uploads} item={item} />
      </div>
      {notes.map((note) => (
        <p key={note.key} class="note">
          {tell(note)}
        </p>
      ))}
      {phase === 'ready' && <Fields uploads={uploads} item={item} />}
      {isOnItsWay && (
        <Progress
          label={file.name}
          words={say(`phase.${phase}`)}
          sentBytes={item.sentBytes}
          totalBytes={file.size}
          bytesPerS={phase === 'sending' ? item.bytesPerS : 0}
        />
      )}
      {refusal && (
        <p role="alert" class="problem">
          {typeof refusal.message === 'string' ? refusal.message : tell(refusal.message)}
        </p>
      )}
      {isOnItsWay && !refusal?.isFinal && (
        <div class="apart">
          <Cancel name={file.name} sentBytes={item.sentBytes} cancel={() => uploads.remove(id)} />
        </div>
      )}
      {phase === 'arrived' && item.uploadId !== undefined && (
        <Afterwards
          key={`${id} ${item.uploadId}`}
          uploadId={item.uploadId}
          aceId={aceId}
          onLost={() => uploads.giveUp(item)}
        />
      )}
    </li>
  );
}

function Fields({ uploads, item }: { uploads: Uploads; item: Item }) {
  const { id, aceId, title, isAceIdFixed, aceIdProblem } = item;
  const { say } = useWords();
  return (
    <div class="fields">
      <label>
        {say('field.title')}
        <input
          value={title}
          maxLength={1000}
          onInput={(event) => uploads.describe(id, { title: event.currentTarget.value })}
        />
      </label>
      <div>
        <label>
          {say('field.id')}
          <input
            value={aceId}
            maxLength={200}
            required
            readOnly={isAceIdFixed}
            aria-invalid={aceIdProblem !== undefined}
            aria-describedby={`${aceIdProblem === undefined ? '' : `${id}-problem `}${isAceIdFixed ? '' : `${id}-hint`}`}
            onInput={(event) => uploads.describe(id, { aceId: event.currentTarget.value })}
          />
        </label>
        {aceIdProblem !== undefined && (
          <p id={`${id}-problem`} class="field-problem small">
            {say(aceIdProblem)}
          </p>
        )}
        {!isAceIdFixed && (
          <p id={`${id}-hint`} class="muted small">
            {say('field.idHint')}
          </p>
        )}
      </div>
    </div>
  );
}

/** What is harmless; Cancel is not among it. */
function Buttons({ uploads, item }: { uploads: Uploads; item: Item }) {
  const { id, phase, refusal, file, sentBytes } = item;
  const { say } = useWords();
  const button = (action: string, onClick: () => void, kind = '') => (
    <button
      type="button"
      class={kind}
      aria-label={say('button.of', { action, name: file.name })}
      onClick={onClick}
    >
      {action}
    </button>
  );
  const remove = () => uploads.remove(id);
  return (
    <div class="buttons">
      {/* Before its first bytes an upload has no address yet at which it could go on. */}
      {phase === 'sending' && sentBytes > 0 && button(say('button.pause'), () => uploads.pauseOrGoOn(id))}
      {phase === 'paused' && button(say('button.goOn'), () => uploads.pauseOrGoOn(id), 'primary')}
      {phase === 'stopped' &&
        refusal?.mayHeal &&
        button(say('button.tryAgain'), () => uploads.retry(id), 'primary')}
      {(phase === 'ready' || refusal?.isFinal) && button(say('button.remove'), remove)}
      {phase === 'arrived' && button(say('button.hide'), remove)}
    </div>
  );
}
