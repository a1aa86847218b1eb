import type { ComponentChildren } from 'preact';
import { useModal } from '../shared/modal.ts';

/** A question in front of the page; Escape closes it. */
export function Dialog(props: { title: string; close: () => void; children: ComponentChildren }) {
  const dialog = useModal();
  return (
    <dialog ref={dialog} onClose={props.close} aria-labelledby="dialog-title">
      <div class="dialog-content">
        <h2 id="dialog-title">{props.title}</h2>
        {props.children}
      </div>
    </dialog>
  );
}
