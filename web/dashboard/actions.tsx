import { useRef, useState } from 'preact/hooks';
import { DeleteDialog, PublishAgainDialog, RenameDialog } from './after-done.tsx';
import { postJson } from './api.ts';
import { Dialog } from './dialog.tsx';
import type { Live } from './live.ts';
import { useMayAct } from './me.tsx';
import { notify, notifyProblem } from './notices.tsx';
import type { Action, RecordingDetail, RecordingView } from './types.ts';
import { actionWords, DEED_WORDS } from './words.ts';

/** What is done with one that is home, from its own page. */
const AFTER_DONE: readonly Action[] = ['rename', 'publish-again', 'delete'];

/** What is asked about before it is done. */
const ASKED: readonly Action[] = ['cancel', 'schedule', ...AFTER_DONE];

/** The buttons for what can be done with a recording now; one that cannot be taken back asks first. */
export function Actions({
  live,
  recording,
  only,
  related,
  isPlain = false,
}: {
  live: Live;
  recording: RecordingView;
  only?: readonly Action[];
  /** Where it is known what belongs to it: there what is home is renamed, published again and deleted. */
  related?: RecordingDetail['related'];
  /** Another button is the one that is meant. */
  isPlain?: boolean;
}) {
  const [asked, setAsked] = useState<Action>();
  const [isBusy, setBusy] = useState(false);
  const mayAct = useMayAct();
  const place = useRef<HTMLDivElement>(null);
  const { id, state, title } = recording;
  const isShort = only !== undefined;
  const possible = recording.actions.filter(
    (action) => only?.includes(action) ?? (related !== undefined || !AFTER_DONE.includes(action)),
  );
  const close = () => setAsked(undefined);

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
          class={lookOf(action, recording, isPlain)}
          onClick={() => (ASKED.includes(action) ? setAsked(action) : act(action))}
        >
          {isShort && action === 'move-to-front' ? <ToFront /> : actionWords(action, state)}
        </button>
      ))}
      {asked === 'cancel' && (
        <Dialog title={`Cancel “${title}”?`} close={() => setAsked(undefined)}>
          <p>
            {recording.publishing_again
              ? 'It is not published again. Its archived file and the video that there was stay as they are.'
              : 'It stops, and what it has made so far is taken back wherever that is. The recording at its source stays as it is.'}
          </p>
          <div class="actions">
            <button type="button" class="primary" onClick={() => setAsked(undefined)}>
              Keep it
            </button>
            <button type="button" class="danger" onClick={() => act('cancel')}>
              {recording.publishing_again ? 'Do not publish again' : 'Cancel the recording'}
            </button>
          </div>
        </Dialog>
      )}
      {asked === 'rename' && (
        <RenameDialog recording={recording} close={close} act={(body) => act('rename', body)} />
      )}
      {asked === 'publish-again' && (
        <PublishAgainDialog recording={recording} close={close} act={() => act('publish-again')} />
      )}
      {asked === 'delete' && (
        <DeleteDialog
          recording={recording}
          related={related ?? []}
          close={close}
          act={(body) => act('delete', body)}
        />
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

function lookOf(action: Action, { state, retry_can_help }: RecordingView, isPlain: boolean): string {
  if (action === 'retry' && state === 'failed' && retry_can_help && !isPlain) return 'primary';
  return action === 'cancel' || action === 'delete' ? 'danger' : '';
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

function keepFocus(home: HTMLElement | null | undefined): void {
  const isLost = document.activeElement === null || document.activeElement === document.body;
  if (isLost) home?.focus({ preventScroll: true });
}

/** The form in which `datetime-local` takes a time. */
function localInput(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
