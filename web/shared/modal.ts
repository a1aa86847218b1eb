import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** For a `<dialog>` that stands in front of the page as long as it is there; closed, it gives the focus back. */
export function useModal(): RefObject<HTMLDialogElement> {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return dialog;
}
