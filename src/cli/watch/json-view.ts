import type { Session } from '../session.ts';
import type { WatchView } from './view.ts';

/** One JSON object per line, each with its `event`. */
export function createJsonView(session: Session): WatchView {
  return {
    stands: (state) => session.printJson({ event: 'state', ...state }),
    hear(message) {
      const id = message.event === 'recording' ? { id: message.id } : {};
      session.printJson({ event: message.event, ...id, ...message.data });
    },
    lost: () => session.printJson({ event: 'lost' }),
    end() {},
  };
}
