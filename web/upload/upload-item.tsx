import { formatBytes, formatLeft } from '../shared/format.ts';
import { Afterwards } from './afterwards.tsx';
import type { Item, Phase, Uploads } from './uploads.ts';

const PHASE_WORDS: Readonly<Record<Phase, string>> = {
  ready: 'Ready',
  sending: 'Uploading',
  paused: 'Paused',
  waiting: 'The connection is lost; it goes on by itself',
  stopped: 'Stopped',
  arrived: 'Uploaded',
};

/** One file: what it is, how far it is, what can be done. */
export function UploadItem({ uploads, item }: { uploads: Uploads; item: Item }) {
  const { id, file, phase, refusal, aceId, title } = item;
  return (
    <li class="card item">
      <div class="head">
        <p class="name">
          <strong>{phase === 'ready' ? file.name : title || file.name}</strong>{' '}
          <span class="muted small">
            {phase !== 'ready' && title !== '' && `${file.name}, `}
            {formatBytes(file.size)}
          </span>
        </p>
        <Buttons uploads={uploads} item={item} />
      </div>
      {phase === 'ready' && <Fields uploads={uploads} item={item} />}
      {phase !== 'ready' && phase !== 'arrived' && <Way item={item} />}
      {refusal && (
        <p role="alert" class="problem">
          {refusal.words} <code class="small">{refusal.code}</code>
        </p>
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
  const { id, aceId, title, isAceIdFixed } = item;
  return (
    <div class="fields">
      <label>
        Title
        <input
          value={title}
          maxLength={1000}
          onInput={(event) => uploads.describe(id, { title: event.currentTarget.value })}
        />
      </label>
      <label>
        Recording id (ace_id)
        <input
          value={aceId}
          maxLength={200}
          required
          readOnly={isAceIdFixed}
          onInput={(event) => uploads.describe(id, { aceId: event.currentTarget.value })}
        />
        {!isAceIdFixed && (
          <span class="hint">As the academy’s website shows it; each recording has its own.</span>
        )}
      </label>
    </div>
  );
}

function Buttons({ uploads, item }: { uploads: Uploads; item: Item }) {
  const { id, phase, refusal, file, sentBytes } = item;
  const isUnderWay = phase === 'sending' || phase === 'paused' || phase === 'waiting';
  const button = (words: string, onClick: () => void, kind = '') => (
    <button type="button" class={kind} aria-label={`${words}: ${file.name}`} onClick={onClick}>
      {words}
    </button>
  );
  return (
    <div class="buttons">
      {/* Before its first bytes an upload has no address yet at which it could go on. */}
      {phase === 'sending' && sentBytes > 0 && button('Pause', () => uploads.pauseOrGoOn(id))}
      {phase === 'paused' && button('Go on', () => uploads.pauseOrGoOn(id), 'primary')}
      {phase === 'stopped' && refusal?.mayHeal && button('Try again', () => uploads.retry(id), 'primary')}
      {button(isUnderWay ? 'Cancel' : 'Remove', () => uploads.remove(id))}
    </div>
  );
}

function Way({ item }: { item: Item }) {
  const { file, sentBytes, bytesPerS, phase } = item;
  const share = file.size === 0 ? 0 : sentBytes / file.size;
  const percent = Math.floor(share * 100);
  const left = bytesPerS > 0 ? formatLeft((file.size - sentBytes) / bytesPerS) : '';
  const words = phase === 'sending' && bytesPerS > 0 ? ` · ${formatBytes(bytesPerS)}/s · ${left}` : '';
  return (
    <div>
      <p class="way small">
        <span role="status">{PHASE_WORDS[phase]}</span>
        <span class="muted number">
          {percent} %{words}
        </span>
      </p>
      <div
        class="bar"
        role="progressbar"
        aria-label={file.name}
        aria-valuenow={percent}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <span style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  );
}
