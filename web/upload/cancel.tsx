import { useState } from 'preact/hooks';
import { useModal } from '../shared/modal.ts';
import { useWords } from './language.ts';

/** Cancels once it has been asked: what is deleted may be hours of sending. */
export function Cancel(props: {
  name: string;
  /** What would be lost, if that is known. */
  sentBytes?: number;
  cancel: () => void;
}) {
  const { name, sentBytes, cancel } = props;
  const { say } = useWords();
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <button
        type="button"
        class="quiet"
        aria-haspopup="dialog"
        aria-label={say('button.of', { action: say('button.cancel'), name })}
        onClick={() => setAsked(true)}
      >
        {say('button.cancel')}
      </button>
      {isAsked && (
        <Question
          name={name}
          sentBytes={sentBytes}
          close={() => setAsked(false)}
          cancel={() => {
            setAsked(false);
            cancel();
            // The button is gone with what it was for.
            setTimeout(() => document.querySelector('h1')?.focus());
          }}
        />
      )}
    </>
  );
}

function Question(props: {
  name: string;
  sentBytes: number | undefined;
  close: () => void;
  cancel: () => void;
}) {
  const { name, sentBytes, close, cancel } = props;
  const { say } = useWords();
  const dialog = useModal();
  return (
    <dialog ref={dialog} onClose={close} aria-labelledby="cancel-title" aria-describedby="cancel-text">
      <h2 id="cancel-title">{say('cancel.title', { name })}</h2>
      <p id="cancel-text">
        {sentBytes ? say('cancel.textOf', { size: { bytes: sentBytes } }) : say('cancel.text')}
      </p>
      <div class="buttons">
        <button type="button" class="primary" onClick={close}>
          {say('cancel.keep')}
        </button>
        <button type="button" class="danger" onClick={cancel}>
          {say('cancel.confirm')}
        </button>
      </div>
    </dialog>
  );
}
