import type { ComponentChildren } from 'preact';
import { Tries } from './delivery-tries.tsx';
import { useMayAct } from './me.tsx';
import { Dot, Reason, When } from './parts.tsx';
import type { DeliveryView } from './types.ts';
import { DELIVERY_TONES, DELIVERY_WORDS } from './words.ts';

/** One announcement in a list: how it stands, what was tried, and the button that sends it again. */
export function DeliveryRow(props: {
  delivery: DeliveryView;
  /** When it came to stand so, as far as that is shown. */
  at: string | null;
  /** Of which recording it is, where the list is not of one alone. */
  of?: { title: string; link: ComponentChildren };
  replay: () => void;
}) {
  const { delivery, at, of, replay } = props;
  const { id, type, to, state, attempts, last_error } = delivery;
  const mayAct = useMayAct();
  return (
    <li class="row">
      <div class="row-words">
        <p class="row-title">
          <code>{type}</code> {of?.link}
        </p>
        <p class="small muted">
          <Dot tone={DELIVERY_TONES[state]} /> {DELIVERY_WORDS[state]}
          {at && (
            <>
              {' '}
              <When at={at} />
            </>
          )}{' '}
          · {attempts} {attempts === 1 ? 'attempt' : 'attempts'}
          {to !== null && <span class="wrap"> · to {to}</span>}
        </p>
        {last_error && state !== 'delivered' && <Reason error={last_error} />}
        <Tries id={id} />
      </div>
      {mayAct && (
        <button
          type="button"
          aria-label={`Send again: ${type}${of === undefined ? '' : ` of ${of.title}`}`}
          onClick={replay}
        >
          Send again
        </button>
      )}
    </li>
  );
}
