import { useEffect, useRef, useState } from 'preact/hooks';
import { postJson } from './api.ts';
import type { Live } from './live.ts';
import { useMayAct } from './me.tsx';
import { notify, notifyProblem } from './notices.tsx';
import type { Action, RecordingView } from './types.ts';
import { actionWords, DEED_WORDS } from './words.ts';

/** The buttons for what can be done with a recording now; one that cannot be taken back asks first. */
export function Actions({
  live,
  recording,
  only,
}: {
  live: Live;
  recording: RecordingView;
  only?: readonly Action[];
}) {
  const [asked, setAsked] = useState<Action>();
  const [isBusy, setBusy] = useState(false);
  const mayAct = useMayAct();
  const place = useRef<HTMLDivElement>(null);
  const { id, state, title } = recording;
  const isShort = only !== undefined;
  const possible = recording.actions.filter((action) => only?.includes(action) ?? true);

  async function act(action: Action, body?: object): Promise<void> {
    // The button may go with what it was for: the focus then stays in the part of the page that it was in.
    const home = place.current?.closest<HTMLElement>('[data-home]');
    setAsked(undefined);
    setBusy(true);
    try {
      await postJson<RecordingView>(`/api/recordings/${encodeURIComponent(id)}/${action}`, body);
      notify(`${title} ${DEED_WORDS[action]}.`);
      live.refresh();
    } catch (error) {
      notifyProblem(error);
    } finally {
      setBusy(false);
      setTimeout(() => keepFocus(home), 700);
    }
  }

  if (possible.length === 0 || !mayAct) return null;
  return (
    <div class="actions" ref={place}>
      {possible.map((action) => (
        <button
          key={action}
          type="button"
          disabled={isBusy}
          aria-label={`${actionWords(action, state)}: ${title}`}
          class={lookOf(action, state)}
          onClick={() => (action === 'cancel' || action === 'schedule' ? setAsked(action) : act(action))}
        >
          {isShort && action === 'move-to-front' ? <ToFront /> : actionWords(action, state)}
        </button>
      ))}
      {asked === 'cancel' && (
        <Dialog title={`Cancel “${title}”?`} close={() => setAsked(undefined)}>
          <p>
            It stops, and what it has made so far at Backblaze and Bunny is taken back. The recording at its
            source stays as it is.
          </p>
          <div class="actions">
            <button type="button" class="primary" onClick={() => setAsked(undefined)}>
              Keep it
            </button>
            <button type="button" class="danger" onClick={() => act('cancel')}>
              Cancel the recording
            </button>
          </div>
        </Dialog>
      )}
      {asked === 'schedule' && (
        <Schedule
          recording={recording}
          close={() => setAsked(undefined)}
          act={(body) => act('schedule', body)}
        />
      )}
    </div>
  );
}

/** In a list every line has one: an arrow is enough where there is little room. */
function ToFront() {
  return (
    <>
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" class="arrow">
        <path d="M8 14V3M3.5 7.5 8 3l4.5 4.5" />
      </svg>
      <span class="wide-only">To the front</span>
    </>
  );
}

function lookOf(action: Action, state: RecordingView['state']): string {
  if (action === 'retry' && state === 'failed') return 'primary';
  return action === 'cancel' ? 'danger' : '';
}

function Schedule(props: {
  recording: RecordingView;
  close: () => void;
  act: (body: object) => Promise<void>;
}) {
  const { recording, close, act } = props;
  const [time, setTime] = useState(() =>
    localInput(new Date(recording.not_before ?? Date.now() + 3_600_000)),
  );
  return (
    <Dialog title={`When may “${recording.title}” move?`} close={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void act({ not_before: new Date(time).toISOString() });
        }}
      >
        <label>
          Not before
          <input
            type="datetime-local"
            required
            value={time}
            onInput={(event) => setTime(event.currentTarget.value)}
          />
        </label>
        <div class="actions">
          <button type="submit" class="primary">
            Schedule
          </button>
          <button type="button" onClick={() => act({ not_before: null })}>
            As soon as its turn comes
          </button>
          <button type="button" onClick={close}>
            Leave it
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Dialog(props: { title: string; close: () => void; children: preact.ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog ref={dialog} onClose={props.close} aria-labelledby="dialog-title">
      <div class="dialog-content">
        <h2 id="dialog-title">{props.title}</h2>
        {props.children}
      </div>
    </dialog>
  );
}

function keepFocus(home: HTMLElement | null | undefined): void {
  const isLost = document.activeElement === null || document.activeElement === document.body;
  if (isLost) home?.focus({ preventScroll: true });
}

/** The form in which `datetime-local` takes a time. */
function localInput(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
